import { setTimeout as sleep } from 'node:timers/promises'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { verb, type Context } from '../command.ts'
import { declaredDeployment, type Deployment } from '../deployment.ts'

interface Answer {
  parameters?: Record<string, unknown>
  outputs: Tensor[]
}
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
  async (context, { entity, at, input }, [name]) => {
    const { client, output } = context
    const question = {
      inputs: (input as readonly string[]).map(tensorOf),
      parameters: { ...(entity !== undefined && { entity }), ...(at !== undefined && { event_time: at }) },
    }
    const answer = await onceLive(context, name!, ({ url }) => client.post<Answer>(`${url}/infer`, question))
    output.result(answer, () => [
      ...answer.outputs.map(tensor => `${tensor.name}: ${tensor.data.join(', ')}`),
      ...Object.entries(answer.parameters ?? {}).map(([key, value]) => `${key}: ${String(value)}`),
    ])
  },
)

function tensorOf(text: string): Tensor {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || !Number.isFinite(Number(value)))
    throw invalid('An input is not accepted.', [{ field: '--input', value: text, allowed: 'name=number' }])
  return { name, datatype: 'FP32', shape: [1, 1], data: [Number(value)] }
}

const lookMs = 300
/** A run that has ended starts the next by an event, which takes a moment. */
const graceMs = 3_000

/** What a deployment is asked; one that runs of its project are still bringing up is waited for. */
async function onceLive<Result>(
  { client, output, signal }: Context,
  name: string,
  ask: (deployment: Deployment) => Promise<Result>,
): Promise<Result> {
  let lastBusy = Date.now()
  let told: string | undefined
  for (;;) {
    const deployment = client.get<Deployment>(`/api/v1/deployments/${encodeURIComponent(name)}`)
    const result = await deployment.then(ask).catch(unlessAbsent)
    if (result !== undefined) return result
    const { project, model } = await declaredDeployment(client, name)
    const [run] = await activeRuns(client, project)
    if (run) {
      lastBusy = Date.now()
      if (told !== run.id) output.note(`  ${name} is not live yet; waiting for ${run.pipeline} (${run.id})`)
      told = run.id
    } else if (Date.now() - lastBusy > graceMs)
      throw new TrainyardError(
        'not_found',
        `The deployment ${name} is declared, and no version of ${model} has been brought into it. See: trainyard models`,
        { what: 'deployment', key: name },
      )
    await sleep(lookMs, undefined, { signal })
  }
}

interface ActiveRun {
  readonly id: string
  readonly pipeline: string
}

async function activeRuns(client: Context['client'], project: string): Promise<readonly ActiveRun[]> {
  const of = (state: string) =>
    client.get<{ items: ActiveRun[] }>(`/api/v1/projects/${project}/runs?state=${state}&limit=1`)
  return (await Promise.all(['running', 'queued'].map(of))).flatMap(({ items }) => items)
}

function unlessAbsent(error: unknown): undefined {
  if (error instanceof TrainyardError && error.code === 'not_found') return undefined
  throw error
}
