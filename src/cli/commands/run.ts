import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { verb, type Context } from '../command.ts'
import { ago, table } from '../output.ts'
import { followRun } from '../follow-run.ts'
import { runStatus, statusLines } from '../run-status.ts'
import { chosenProject, projectOption, type ProjectNames } from '../project-option.ts'

interface Run {
  id: string
  pipeline: string
  state: string
  error?: string
  createdAt: number
  cause: { kind: string; reason: string }
}
interface Task {
  id: string
  name: string
}

export const runVerb = verb(
  'run <pipeline>',
  'Start a pipeline and follow it to its end.',
  command => paramOption(projectOption(command)).option('--detach', 'do not wait for the end'),
  async (context, options, [pipeline]) => {
    const project = await chosenProject(context.client, options['project'])
    const detach = options['detach'] === true
    await startRun(context, { project, pipeline: pipeline!, params: options['param'], detach })
  },
)

interface RunOrder {
  readonly project: string
  readonly pipeline: string
  readonly params: unknown
  readonly detach?: boolean
}

/** Starts a run and follows it to its end. Throws `task_failed` when that is none of success. */
export async function startRun(
  context: Pick<Context, 'client' | 'output' | 'signal'>,
  { project, pipeline, params, detach = false }: RunOrder,
): Promise<void> {
  const { client, output } = context
  const reason = 'Started from the command line.'
  const run = await client.send<Run>('POST', `/api/v1/projects/${project}/runs`, { pipeline, params, reason })
  if (!detach) output.note(`${run.id}  ${pipeline}`)
  const last = detach ? run : await followRun(context, run.id)
  output.result(last, () => [`${last.id}  ${last.state}`])
  if (last.state === 'failed' || last.state === 'cancelled')
    throw new TrainyardError('task_failed', last.error ?? `The run was ${last.state}.`, { run: last.id })
}

/** `--param a=1 --param b=x`, gathered into one object. */
export const paramOption = (command: Command): Command =>
  command.option('--param <name=value>', 'a parameter of the run; may be repeated', pairs('--param', scalar), {})

/** Gathers `name=value` of an option that may be repeated; `typed` makes of the text what is meant. */
export const pairs =
  (option: string, typed: (text: string) => unknown = text => text) =>
  (text: string, before: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
    const [name = '', ...value] = text.split('=')
    if (value.length === 0 || name === '')
      throw invalid('An option has a name and a value.', [{ field: option, value: text, allowed: 'name=value' }])
    return { ...before, [name]: typed(value.join('=')) }
  }

/** What is written otherwise than a number is may be meant as text: 1.0. The server knows the type. */
function scalar(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  return String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : text
}

export const logsVerb = verb(
  'logs <run> [task]',
  'Print the log of a run, or of one of its tasks.',
  command => command.option('-f, --follow', 'go on until the task has ended'),
  async ({ client, output, signal }, { follow: following }, [id, name]) => {
    const run = `/api/v1/runs/${encodeURIComponent(id!)}`
    const wanted =
      name === undefined
        ? await allOf<Task>(client, `${run}/tasks`)
        : [(await client.get<{ task: Task }>(`${run}/tasks/${encodeURIComponent(name)}`)).task]
    const texts: Record<string, string> = {}
    for (const task of wanted) texts[task.name] = await logOf(client, task, { following: following === true, signal })
    output.result(texts, () =>
      Object.entries(texts).flatMap(([task, text]) => [...(wanted.length > 1 ? [`== ${task}`] : []), text.trimEnd()]),
    )
  },
)

/** All items of a list that comes in pages. */
async function allOf<Item>(client: Client, path: string): Promise<readonly Item[]> {
  const items: Item[] = []
  let after = ''
  do {
    const page = await client.get<{ items: Item[]; next?: string }>(`${path}?limit=500${after}`)
    items.push(...page.items)
    after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`
  } while (after !== '')
  return items
}

async function logOf(
  client: Client,
  task: Task,
  { following, signal }: { following: boolean; signal: AbortSignal },
): Promise<string> {
  let text = ''
  for (let offset = 0; ;) {
    const part = await client.get<{ text: string; next: number; end: boolean }>(
      `/api/v1/tasks/${task.id}/log?offset=${offset}`,
    )
    text += part.text
    if (part.end || (part.next === offset && !following)) return text
    if (part.next === offset) await sleep(200, undefined, { signal })
    offset = part.next
  }
}

interface Loop {
  items: {
    project: string
    goal: string
    stations: { station: string; state: string; headline: string; detail: string; lag?: string }[]
  }[]
}

const dots: Readonly<Record<string, string>> = { ok: '●', running: '◐', warn: '▲', fail: '✗', none: '○' }

export const statusVerb = verb(
  'status [run]',
  'Show where the loop of each project stands, or what a run has done and used.',
  command => command.option('--runs', 'also list the newest runs'),
  async ({ client, output }, { runs: withRuns }, [run]) => {
    if (run !== undefined) {
      const status = await runStatus(client, run)
      return output.result(status, () => statusLines(status))
    }
    const loop = await client.get<Loop>('/api/v1/loop')
    const { begun = [] } = await client.get<ProjectNames>('/api/v1/projects')
    const runs: Record<string, Run[]> = {}
    if (withRuns)
      for (const { project } of loop.items)
        runs[project] = (await client.get<{ items: Run[] }>(`/api/v1/projects/${project}/runs?limit=10`)).items
    const undeclared = begun.length === 0 ? [] : [`Without a project file: ${begun.join(', ')}`]
    output.result({ ...loop, begun, ...(withRuns && { runs }) }, () =>
      loop.items.length + begun.length === 0
        ? ['There is no project yet. Make one with: trainyard init <folder>']
        : [
            ...loop.items.flatMap(({ project, goal, stations }) => [
              `${project}: ${goal}`,
              ...table(
                ['', 'station', 'state', '', ''],
                stations.map(({ station, state, headline, detail, lag }) => [
                  dots[state] ?? '?',
                  station,
                  state,
                  headline,
                  [detail, lag].filter(Boolean).join(' · '),
                ]),
              ),
              ...(runs[project]
                ? table(
                    ['run', 'pipeline', 'state', 'started', 'because'],
                    runs[project].map(run => [
                      run.id,
                      run.pipeline,
                      run.state,
                      ago(run.createdAt, Date.now()),
                      run.cause.reason,
                    ]),
                  )
                : []),
              '',
            ]),
            ...undeclared,
          ],
    )
  },
)
