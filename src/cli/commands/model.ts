import { TrainyardError } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { verb } from '../command.ts'
import { declaredDeployment, type Deployment } from '../deployment.ts'
import { projectOption } from '../project-option.ts'
import { chosenModel, newestVersions, versionOf, type Model } from '../registered-model.ts'

interface Version {
  id: string
  model: string
  version: number
  stage: string
}

const reasonOption = 'why; it is kept with the decision'

export const promoteVerb = verb(
  'promote <model> [version]',
  'Move a staged version of a model to production.',
  command => projectOption(command).requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, options, [model, number]) => {
    const wanted = await chosenModel(client, model!, options['project'])
    const version = await findVersion(client, { model: wanted, number }, isStaged)
    const moved = await move(client, version, options['reason'])
    output.result(moved, () => [
      `Version ${moved.version} of ${moved.model} is in ${moved.stage}; its deployments follow.`,
    ])
  },
)

export const deployVerb = verb(
  'deploy <deployment> [version]',
  'Bring a version into a deployment: promote it, test its bundle, let it take traffic.',
  command =>
    projectOption(command)
      .requiredOption('--reason <text>', reasonOption)
      .option('--model <name>', 'a registered model, for a deployment that no project file declares')
      .option('--weight <percent>', 'requests it gets while it proves itself beside another version', Number, 10),
  async ({ client, output }, { reason, model, weight, project: named }, [name, number]) => {
    if (model !== undefined) {
      const chosen = await chosenModel(client, model, named)
      const released = await release(client, name!, { model: chosen, number, reason, weight })
      return output.result(released, () => [onItsWay(released, name!)])
    }
    const declared = await declaredDeployment(client, name!)
    const wanted = await chosenModel(client, declared.model, declared.project)
    const version = await findVersion(client, { model: wanted, number }, isStaged)
    if (version.stage === 'production') return output.result(...(await giveBack(client, name!, version, reason)))
    const moved = await move(client, version, reason)
    output.result(moved, () => [onItsWay(moved, name!)])
  },
)

const onItsWay = ({ version, model }: Version, deployment: string): string =>
  `Version ${version} of ${model} is on its way into ${deployment}. Follow it with: trainyard status --runs`

/** Of a version that is in production already, as after a rollback: the traffic is its revision's again. */
async function giveBack(
  client: Client,
  name: string,
  { version, model }: Version,
  reason: string,
): Promise<[Deployment, () => readonly string[]]> {
  const path = `/api/v1/deployments/${encodeURIComponent(name)}`
  const { revisions } = await client.get<Deployment>(path)
  const found = revisions.toSorted((a, b) => b.number - a.number).find(({ versionNumber }) => versionNumber === version)
  if (!found)
    throw new TrainyardError(
      'conflict',
      `Version ${version} of ${model} is in production; ${name} has no revision of it.`,
    )
  const weights = { [found.id]: 100 }
  const changed = await client.send<Deployment>('POST', `${path}/traffic`, { weights, reason })
  return [changed, () => [`${name} serves revision ${found.number}, model version ${version}.`]]
}

interface Wanted {
  readonly model: Model
  /** Of the version; the newest that there is, or that is staged, when left out. */
  readonly number: string | undefined
}

async function release(
  client: Client,
  deployment: string,
  { reason, weight, ...wanted }: Wanted & { readonly reason: string; readonly weight: number },
): Promise<Version & { run?: string }> {
  const version = await findVersion(client, wanted, versions => versions[0])
  const path = `/api/v1/projects/${encodeURIComponent(wanted.model.project)}/deployments/${encodeURIComponent(deployment)}/releases`
  const { run } = await client.send<{ run?: string }>('POST', path, { version: version.id, reason, weight })
  return { ...version, ...(run !== undefined && { run }) }
}

const isStaged = (versions: readonly Version[]): Version | undefined =>
  versions.find(({ stage }) => stage === 'staging')

const move = (client: Client, { id }: Version, reason: string): Promise<Version> =>
  client.send('POST', `/api/v1/model-versions/${id}/transitions`, { to: 'production', reason })

/** The version of this number; `usual` chooses among the newest when there is none. Throws `not_found` with those there are. */
async function findVersion(
  client: Client,
  { model, number }: Wanted,
  usual: (versions: readonly Version[]) => Version | undefined,
): Promise<Version> {
  if (number !== undefined) return versionOf(client, model, number)
  const newest = await newestVersions<Version>(client, model)
  const found = usual(newest)
  if (found) return found
  const there = newest.map(({ version, stage }) => `${version} (${stage})`).join(', ') || 'none'
  throw new TrainyardError('not_found', `${model.name} has no staged version. There is: ${there}.`)
}

export const shadowVerb = verb(
  'shadow <deployment> <revision>',
  'Give a revision copies of requests, and compare what it would have answered.',
  command =>
    command
      .requiredOption('--reason <text>', reasonOption)
      .option('--share <percent>', 'requests of which it gets a copy; 0 ends it', Number, 10),
  async ({ client, output }, { reason, share }, [name, number]) => {
    const path = `/api/v1/deployments/${encodeURIComponent(name!)}`
    const { revisions } = await client.get<Deployment>(path)
    const found = revisions.find(revision => String(revision.number) === number)
    if (!found) {
      const there = revisions.map(revision => revision.number).join(', ')
      throw new TrainyardError('not_found', `${name} has no revision ${number}. There is: ${there}.`)
    }
    const changed = await client.send<Deployment>('POST', `${path}/shadow`, { revision: found.id, share, reason })
    output.result(changed, () => [
      share > 0
        ? `Revision ${number} gets copies of ${share} % of the requests. See: trainyard deployments ${name}`
        : `Revision ${number} gets no copies any more.`,
    ])
  },
)

export const rollbackVerb = verb(
  'rollback <deployment>',
  'Give all traffic back to the revision before.',
  command => command.requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, { reason }, [name]) => {
    const deployment = await client.send<Deployment>(
      'POST',
      `/api/v1/deployments/${encodeURIComponent(name!)}/rollback`,
      { reason },
    )
    const live = deployment.revisions?.find(revision => revision.weight > 0)
    output.result(deployment, () => [
      `${name} serves ${live ? `revision ${live.number}, model version ${live.versionNumber}` : 'nothing'}.`,
    ])
  },
)
