import { setTimeout as sleep } from 'node:timers/promises'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { verb, type Context } from '../command.ts'
import { ago, table } from '../output.ts'
import { runStatus, statusLines } from '../run-status.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Run {
  id: string
  pipeline: string
  state: string
  behind?: string
  error?: string
  createdAt: number
  cause: { kind: string; reason: string }
}
interface Task {
  id: string
  name: string
  kind: string
  state: string
  attempt: number
  error?: string
  reason?: string
  startedAt?: number
  endedAt?: number
}

const ended = new Set(['succeeded', 'failed', 'cancelled'])

export const runVerb = verb(
  'run <pipeline>',
  'Start a pipeline and follow it to its end.',
  command =>
    projectOption(command)
      .option('--param <name=value>', 'a parameter of the run; may be repeated', collect, {})
      .option('--detach', 'do not wait for the end'),
  async (context, options, [pipeline]) => {
    const { client, output } = context
    const project = await chosenProject(client, options['project'])
    const run = await client.send<Run>('POST', `/api/v1/projects/${project}/runs`, {
      pipeline,
      params: options['param'],
      reason: 'Started from the command line.',
    })
    const last = options['detach'] ? run : await follow(context, run.id)
    output.result(last, () => [`${last.id}  ${last.state}`])
    if (last.state === 'failed' || last.state === 'cancelled')
      throw new TrainyardError('task_failed', last.error ?? `The run was ${last.state}.`, { run: last.id })
  },
)

function collect(text: string, before: Record<string, unknown>): Record<string, unknown> {
  const [name, ...value] = text.split('=')
  if (value.length === 0)
    throw invalid('A parameter has a name and a value.', [{ field: '--param', value: text, allowed: 'name=value' }])
  const joined = value.join('=')
  const typed =
    joined === 'true'
      ? true
      : joined === 'false'
        ? false
        : // What is written otherwise than a number is may be meant as text: 1.0. The server knows the type.
          String(Number(joined)) === joined && Number.isFinite(Number(joined))
          ? Number(joined)
          : joined
  return { ...before, [name!]: typed }
}

/** Prints each change of a task's state until the run has ended. */
export async function follow(
  { client, output, signal }: Pick<Context, 'client' | 'output' | 'signal'>,
  id: string,
): Promise<Run> {
  const seen = new Map<string, string>()
  let behind: string | undefined
  for (;;) {
    const { run, tasks } = await client.get<{ run: Run; tasks: Task[] }>(`/api/v1/runs/${id}`)
    if (run.behind !== behind && run.behind !== undefined) output.note(`  held: behind run ${run.behind}`)
    behind = run.behind
    for (const task of tasks) {
      if (seen.get(task.name) === task.state || ['blocked', 'ready'].includes(task.state)) continue
      seen.set(task.name, task.state)
      output.note(`  ${task.name.padEnd(16)} ${task.state}${seconds(task)}${why(task)}`)
    }
    if (ended.has(run.state)) return run
    await sleep(150, undefined, { signal })
  }
}

const why = ({ error, reason }: Task): string => {
  const [line] = (error ?? reason ?? '').split('\n')
  return line ? `: ${line}` : ''
}

const seconds = ({ startedAt, endedAt }: Task): string =>
  startedAt && endedAt ? ` ${((endedAt - startedAt) / 1_000).toFixed(2)} s` : ''

export const logsVerb = verb(
  'logs <run> [task]',
  'Print the log of a run, or of one of its tasks.',
  command => command.option('-f, --follow', 'go on until the task has ended'),
  async ({ client, output, signal }, { follow: following }, [id, name]) => {
    const { tasks } = await client.get<{ tasks: Task[] }>(`/api/v1/runs/${encodeURIComponent(id!)}`)
    const wanted = name === undefined ? tasks : tasks.filter(task => task.name === name)
    if (wanted.length === 0)
      throw new TrainyardError(
        'not_found',
        `The run has no task ${name}. It has: ${tasks.map(task => task.name).join(', ')}.`,
      )
    const texts: Record<string, string> = {}
    for (const task of wanted) texts[task.name] = await logOf(client, task, { following: following === true, signal })
    output.result(texts, () =>
      Object.entries(texts).flatMap(([task, text]) => [...(wanted.length > 1 ? [`== ${task}`] : []), text.trimEnd()]),
    )
  },
)

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
    const runs: Record<string, Run[]> = {}
    if (withRuns)
      for (const { project } of loop.items)
        runs[project] = (await client.get<{ items: Run[] }>(`/api/v1/projects/${project}/runs?limit=10`)).items
    output.result({ ...loop, ...(withRuns && { runs }) }, () =>
      loop.items.length === 0
        ? ['There is no project yet. Make one with: trainyard init <folder>']
        : loop.items.flatMap(({ project, goal, stations }) => [
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
    )
  },
)
