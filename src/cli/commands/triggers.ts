import { invalid } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { verb, group } from '../command.ts'
import { ago, table } from '../output.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Tick {
  readonly at: number
  readonly run?: string
  readonly skipped?: string
  readonly error?: string
}
interface Trigger {
  readonly pipeline: string
  readonly name: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly nextAt?: number
  readonly pending?: readonly string[]
  readonly paused?: { readonly by: string }
  readonly last?: Tick
  readonly hook?: { readonly path: string; readonly hasSecret: boolean }
}

const listVerb = verb(
  'list',
  'What starts the pipelines: last and next tick, and what went wrong.',
  projectOption,
  async ({ client, output }, { project: named }) => {
    const project = await chosenProject(client, named)
    const { items } = await client.get<{ items: readonly Trigger[] }>(`/api/v1/projects/${project}/triggers`)
    output.result(items, () =>
      items.length === 0
        ? ['No pipeline has a trigger.']
        : table(
            ['trigger', 'state', 'next', 'last', 'became'],
            items.map(trigger => [
              `${trigger.pipeline}/${trigger.name}`,
              trigger.paused ? `paused by ${trigger.paused.by}` : 'on',
              nextOf(trigger),
              trigger.last ? ago(trigger.last.at, Date.now()) : 'never',
              trigger.last ? becameOf(trigger.last) : '',
            ]),
          ),
    )
  },
)

const ticksVerb = verb(
  'ticks <trigger>',
  'What became of the last ticks of a trigger, named pipeline/trigger.',
  command => projectOption(command).option('--limit <n>', 'how many', '20'),
  async ({ client, output }, { project, limit }, [name]) => {
    const query = `limit=${encodeURIComponent(String(limit))}`
    const path = `${await pathOf(client, project, name!)}/ticks?${query}`
    const { items } = await client.get<{ items: readonly (Tick & { key: string })[] }>(path)
    output.result(items, () =>
      table(
        ['tick', 'when', 'became'],
        items.map(tick => [tick.key, ago(tick.at, Date.now()), becameOf(tick)]),
      ),
    )
  },
)

const pauseVerb = verb(
  'pause <trigger>',
  'Let a trigger, named pipeline/trigger, start nothing until it goes on.',
  projectOption,
  async ({ client, output }, { project }, [name]) => {
    const trigger = await client.send<Trigger>('POST', `${await pathOf(client, project, name!)}/pause`)
    output.result(trigger, () => [`${name} is paused.`])
  },
)

const unpauseVerb = verb(
  'unpause <trigger>',
  'Let a paused trigger go on; what came meanwhile is not made up for.',
  projectOption,
  async ({ client, output }, { project }, [name]) => {
    const trigger = await client.send<Trigger>('POST', `${await pathOf(client, project, name!)}/unpause`)
    output.result(trigger, () => [`${name} goes on. Next: ${nextOf(trigger) || 'when something comes'}.`])
  },
)

const secretVerb = verb(
  'secret <trigger>',
  'Make a new secret for a webhook and show it, this once.',
  projectOption,
  async ({ client, output }, { project }, [name]) => {
    const made = await client.send<{ path: string; secret: string }>(
      'POST',
      `${await pathOf(client, project, name!)}/secret`,
    )
    output.result(made, () => [`path    ${made.path}`, `secret  ${made.secret}`])
  },
)

export const triggersVerb = group('triggers', 'What starts pipelines: list, pause, and secrets of webhooks.', [
  listVerb,
  ticksVerb,
  pauseVerb,
  unpauseVerb,
  secretVerb,
])

async function pathOf(client: Client, project: string | undefined, name: string): Promise<string> {
  const [pipeline, trigger, ...rest] = name.split('/').map(part => encodeURIComponent(part))
  if (!pipeline || !trigger || rest.length > 0)
    throw invalid('This is no trigger.', [
      { field: '<trigger>', value: name, allowed: 'pipeline/trigger, as `trainyard triggers list` shows it' },
    ])
  return `/api/v1/projects/${await chosenProject(client, project)}/pipelines/${pipeline}/triggers/${trigger}`
}

function nextOf({ nextAt, pending, hook }: Trigger): string {
  if (nextAt !== undefined) return new Date(nextAt).toISOString()
  if (pending) return `has ${pending.join(', ')}, waits for the others`
  return hook && !hook.hasSecret ? 'has no secret yet' : ''
}

const becameOf = ({ run, skipped, error }: Tick): string => run ?? skipped ?? `✗ ${error?.split('\n')[0]}`
