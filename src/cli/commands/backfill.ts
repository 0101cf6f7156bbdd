import { setTimeout as sleep } from 'node:timers/promises'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { group, verb, type Context } from '../command.ts'
import { ago, table } from '../output.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Backfill {
  readonly id: string
  readonly pipeline: string
  readonly trigger: string
  readonly createdAt: number
  readonly endedAt?: number
  readonly cancelled?: { readonly by: string }
  readonly error?: string
  readonly total: number
  readonly looked: number
  readonly kept: number
  readonly runs: Readonly<Record<string, number>>
}
interface Plan {
  readonly items: readonly { instant: number; run?: { id: string; state: string }; isRun: boolean }[]
}

export const backfillVerb = verb(
  'backfill <pipeline>',
  'Run a pipeline for past instants of its schedule, once for each.',
  command =>
    projectOption(command)
      .requiredOption(
        '--from <instant>',
        'the first instant that may be among them: 2026-03-29 or 2026-03-29T06:00:00Z',
      )
      .requiredOption('--to <instant>', 'the last one')
      .option('--trigger <name>', 'the schedule or interval, when the pipeline has several')
      .option('--concurrency <n>', 'runs at the same time', '1')
      .option('--again <which>', 'make runs that there are anew: failed or all', 'none')
      .option('--newest-first', 'begin with the last instant')
      .option('--dry-run', 'only show what would be run')
      .option('--detach', 'do not wait for the end'),
  async (context, options, [pipeline]) => {
    const { client, output } = context
    const project = await chosenProject(client, options['project'])
    const body = {
      from: instantOf('--from', options['from']),
      to: instantOf('--to', options['to']),
      concurrency: Number(options['concurrency']),
      again: options['again'],
      order: options['newestFirst'] ? 'newest' : 'oldest',
      ...(options['trigger'] && { trigger: options['trigger'] }),
    }
    const path = `/api/v1/projects/${project}/pipelines/${encodeURIComponent(pipeline!)}/backfills`
    if (options['dryRun']) {
      const plan = await client.send<Plan>('POST', `${path}/plan`, body)
      return output.result(plan, () => planLines(plan))
    }
    const begun = await client.send<Backfill>('POST', path, body)
    const last = options['detach'] ? begun : await follow(context, project, begun)
    output.result(last, () => [`${last.id}  ${stateOf(last)}  ${progressOf(last)}`])
    if (last.error !== undefined) throw new TrainyardError('task_failed', last.error, { backfill: last.id })
  },
)

const listVerb = verb(
  'list',
  'Back-fills and how far they are.',
  projectOption,
  async ({ client, output }, options) => {
    const project = await chosenProject(client, options['project'])
    const { items } = await client.get<{ items: readonly Backfill[] }>(`/api/v1/projects/${project}/backfills`)
    output.result(items, () =>
      table(
        ['back-fill', 'pipeline', 'state', 'when', 'progress'],
        items.map(one => [one.id, one.pipeline, stateOf(one), ago(one.createdAt, Date.now()), progressOf(one)]),
      ),
    )
  },
)

const cancelVerb = verb(
  'cancel <back-fill>',
  'Begin no more runs of a back-fill, and cancel those that have not ended.',
  projectOption,
  async ({ client, output }, options, [id]) => {
    const project = await chosenProject(client, options['project'])
    const path = `/api/v1/projects/${project}/backfills/${encodeURIComponent(id!)}/cancel`
    const one = await client.send<Backfill>('POST', path)
    output.result(one, () => [`${one.id}  ${stateOf(one)}  ${progressOf(one)}`])
  },
)

export const backfillsVerb = group('backfills', 'Back-fills: list and cancel.', [listVerb, cancelVerb])

async function follow({ client, output, signal }: Context, project: string, begun: Backfill): Promise<Backfill> {
  let said = ''
  for (;;) {
    const now = await client.get<Backfill>(`/api/v1/projects/${project}/backfills/${begun.id}`)
    const progress = progressOf(now)
    if (progress !== said) output.note(`  ${progress}`)
    said = progress
    if (now.endedAt !== undefined) return now
    await sleep(500, undefined, { signal })
  }
}

const planLines = ({ items }: Plan): readonly string[] => [
  ...table(
    ['instant', 'run there is', ''],
    items.map(({ instant, run, isRun }) => [
      new Date(instant).toISOString(),
      run ? `${run.id} ${run.state}` : '',
      isRun ? 'would be run' : 'stays',
    ]),
  ),
  `${items.filter(({ isRun }) => isRun).length} of ${items.length} would be run.`,
]

function instantOf(option: string, text: string): string {
  const at = Date.parse(text)
  if (Number.isNaN(at))
    throw invalid('This is no instant.', [
      { field: option, value: text, allowed: '2026-03-29 or 2026-03-29T06:00:00Z' },
    ])
  return new Date(at).toISOString()
}

const stateOf = ({ cancelled, error, endedAt }: Backfill): string =>
  cancelled
    ? `cancelled by ${cancelled.by}`
    : error !== undefined
      ? 'failed'
      : endedAt === undefined
        ? 'running'
        : 'done'

const progressOf = ({ total, looked, kept, runs }: Backfill): string =>
  [
    `${looked} of ${total} instants`,
    ...(kept > 0 ? [`${kept} kept their run`] : []),
    ...Object.entries(runs).map(([state, count]) => `${count} ${state}`),
  ].join(', ')
