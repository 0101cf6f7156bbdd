import { TrainyardError } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { verb } from '../command.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Version {
  id: string
  model: string
  version: number
  stage: string
}
interface Deployment {
  project: string
  name: string
  model: string
  url: string
  revisions: { number: number; versionNumber: number; state: string; weight: number }[]
}

const reasonOption = 'why; it is kept with the decision'

export const promoteVerb = verb(
  'promote <model> [version]',
  'Move a staged version of a model to production.',
  command => projectOption(command).requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, options, [model, number]) => {
    const project = await chosenProject(client, options['project'])
    const moved = await toProduction(client, { project, model: model!, number, reason: options['reason'] })
    output.result(moved, () => [
      `Version ${moved.version} of ${moved.model} is in ${moved.stage}; its deployments follow.`,
    ])
  },
)

export const deployVerb = verb(
  'deploy <deployment> [version]',
  'Bring a version into a deployment: promote it, test its bundle, let it take traffic.',
  command => command.requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, { reason }, [name, number]) => {
    const { project, model } = await modelOf(client, name!)
    const moved = await toProduction(client, { project, model, number, reason })
    output.result(moved, () => [
      `Version ${moved.version} of ${moved.model} is on its way into ${name}. Follow it with: trainyard status --runs`,
    ])
  },
)

/** The model behind a deployment, which may be declared and not live yet. */
async function modelOf(client: Client, name: string): Promise<{ project: string; model: string }> {
  const { items } = await client.get<{ items: { name: string }[] }>('/api/v1/projects?limit=500')
  for (const { name: project } of items) {
    const { spec } = await client.get<{ spec: { deployments: Record<string, { model: string }> } }>(
      `/api/v1/projects/${project}`,
    )
    const declared = spec.deployments[name]
    if (declared) return { project, model: declared.model }
  }
  throw new TrainyardError('not_found', `No project declares a deployment ${name}.`)
}

async function toProduction(
  client: Client,
  { project, model, number, reason }: { project: string; model: string; number: string | undefined; reason: string },
): Promise<Version> {
  const { items } = await client.get<{ items: Version[] }>(
    `/api/v1/projects/${project}/models/${encodeURIComponent(model)}/versions`,
  )
  const wanted =
    number === undefined
      ? items.find(version => version.stage === 'staging')
      : items.find(version => String(version.version) === number)
  if (!wanted) {
    const there = items.map(version => `${version.version} (${version.stage})`).join(', ') || 'none'
    throw new TrainyardError(
      'not_found',
      `${model} has no ${number === undefined ? 'staged version' : `version ${number}`}. There is: ${there}.`,
    )
  }
  return client.send('POST', `/api/v1/model-versions/${wanted.id}/transitions`, { to: 'production', reason })
}

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

interface Tensor {
  name: string
  datatype: string
  shape: number[]
  data: unknown[]
}

export const predictVerb = verb(
  'predict <deployment>',
  'Ask a deployment for a prediction.',
  command =>
    command
      .option('--entity <key>', 'entity whose features are looked up')
      .option('--at <instant>', 'instant that the prediction is about, as ISO 8601; now by default')
      .option(
        '--input <name=number>',
        'a feature given with the request; may be repeated',
        (text: string, before: readonly string[]) => [...before, text],
        [],
      ),
  async ({ client, output }, { entity, at, input }, [name]) => {
    const deployment = await client.get<Deployment>(`/api/v1/deployments/${encodeURIComponent(name!)}`)
    const answer = await client.post<{ parameters?: Record<string, unknown>; outputs: Tensor[] }>(
      `${deployment.url}/infer`,
      {
        inputs: (input as readonly string[]).map(tensorOf),
        parameters: { ...(entity !== undefined && { entity }), ...(at !== undefined && { event_time: at }) },
      },
    )
    output.result(answer, () => [
      ...answer.outputs.map(tensor => `${tensor.name}: ${tensor.data.join(', ')}`),
      ...Object.entries(answer.parameters ?? {}).map(([key, value]) => `${key}: ${String(value)}`),
    ])
  },
)

function tensorOf(text: string): Tensor {
  const [name, value] = text.split('=')
  return { name: name!, datatype: 'FP32', shape: [1, 1], data: [Number(value)] }
}
