import { counted } from '#kernel/counted.ts'
import type { Client } from '../client.ts'
import { verb } from '../command.ts'
import type { Deployment, ShadowComparison } from '../deployment.ts'
import { table, type Output } from '../output.ts'
import { chosenProject, projectOption } from '../project-option.ts'

export const deploymentsVerb = verb(
  'deployments [deployment]',
  'What answers, and with which share of the requests; of one its revisions, its limits and what the truth says.',
  projectOption,
  async ({ client, output }, { project }, [name]) => {
    if (name !== undefined) return showOne(client, output, name)
    const path = `/api/v1/projects/${await chosenProject(client, project)}/deployments`
    const { items } = await client.get<{ items: Deployment[] }>(path)
    output.result(items, () =>
      table(
        ['deployment', 'state', 'model', 'serves'],
        items.map(deployment => [deployment.name, deployment.state, deployment.model, sharesOf(deployment)]),
      ),
    )
  },
)

function comparisonOf(
  { revision, rows, agreed, errors, ...found }: ShadowComparison,
  { revisions }: Deployment,
): string {
  const number = revisions.find(({ id }) => id === revision)?.number ?? revision
  const [mean, max] = [found.differenceMean, found.differenceMax].map(value => Number(value.toPrecision(3)))
  const shift =
    found.scorePsi === undefined ? '' : `, the index of its scores is ${Number(found.scorePsi.toPrecision(3))}`
  const took = found.latencyP95Ms === undefined ? '' : `, p95 ${found.latencyP95Ms} ms beside ${found.againstP95Ms} ms`
  return `shadow: revision ${number} says the same to ${agreed} of ${rows} rows and failed at ${errors}; numbers differ by ${mean} on average, ${max} at most${shift}${took}`
}

/** What the truth says of revisions that share the requests. */
interface Outcomes {
  readonly differences: readonly { readonly verdict: string; readonly reason: string }[]
}

const sharesOf = ({ revisions }: Deployment): string =>
  revisions
    .filter(({ weight }) => weight > 0)
    .map(({ versionNumber, weight }) => `v${versionNumber} ${weight} %`)
    .join(', ')

async function showOne(client: Client, output: Output, name: string): Promise<void> {
  const path = `/api/v1/deployments/${encodeURIComponent(name)}`
  const deployment = await client.get<Deployment & { shadows: ShadowComparison[] }>(path)
  const outcomes = await client.get<Outcomes>(`${path}/outcomes`)
  output.result({ ...deployment, outcomes }, () => [
    `${name} is ${deployment.state} at ${deployment.url}`,
    ...limitsOf(deployment).map(limit => `  ${limit}`),
    ...table(
      ['revision', 'state', 'version', 'traffic', 'requests', 'errors', 'p95 ms'],
      deployment.revisions.map(revision => [
        String(revision.number),
        revision.state,
        `v${revision.versionNumber}`,
        revision.shadow > 0 ? `copies of ${revision.shadow} %` : `${revision.weight} %`,
        String(revision.requests),
        String(revision.errors),
        String(revision.latencyP95Ms ?? ''),
      ]),
    ),
    ...deployment.shadows.map(shadow => comparisonOf(shadow, deployment)),
    ...outcomes.differences.map(({ verdict, reason }) => `${verdict}: ${reason}`),
  ])
}

function limitsOf({ sticky, log, limits: { deadlineMs, queueRows, clientRate } }: Deployment): readonly string[] {
  const hidden = [...log.leaveOut, ...log.redact]
  return [
    ...(log.oneIn === 1 ? [] : [`one request in ${log.oneIn} is written down, and all that fail`]),
    ...(hidden.length === 0 ? [] : [`not written down as they are: ${hidden.join(', ')}`]),
    ...(sticky === undefined
      ? []
      : [`each ${sticky === 'entity' ? 'entity' : `value of ${sticky.header}`} meets one revision`]),
    ...(deadlineMs === undefined ? [] : [`answers within ${deadlineMs} ms, or 504`]),
    ...(queueRows === undefined ? [] : [`${counted(queueRows, 'row')} may wait, then 503`]),
    ...(clientRate === undefined ? [] : [`${counted(clientRate, 'request')} a second of each client, then 429`]),
  ]
}
