import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from './command.ts'

interface FollowedRun {
  readonly id: string
  readonly state: string
  readonly behind?: string
  readonly error?: string
}

interface FollowedTask {
  readonly name: string
  readonly kind?: string
  readonly state: string
  /** Of a task with a call for each item, how many calls are in which state. */
  readonly items?: Readonly<Record<string, number>>
  readonly error?: string
  readonly reason?: string
  readonly startedAt?: number
  readonly endedAt?: number
}

/** What the server says of a run, however many tasks it has. */
export interface Glance {
  readonly run: FollowedRun
  readonly states: Readonly<Record<string, number>>
  readonly tasks: { readonly items: readonly FollowedTask[]; readonly next?: string }
}

const ended = new Set(['succeeded', 'failed', 'cancelled'])
/** A run of more tasks than this is told in numbers. */
export const shownMax = 100
/** The server is asked again after a while, which grows with the run: who has waited long can wait a second. */
const [firstMs, lastMs, growth] = [100, 1_000, 1.05]

/** Tells what changes in a run until it has ended. */
export async function followRun(
  { client, output, signal }: Pick<Context, 'client' | 'output' | 'signal'>,
  id: string,
): Promise<FollowedRun> {
  const changes = createChanges()
  for (let wait = firstMs; ; wait = Math.min(lastMs, wait * growth)) {
    const glance = await client.get<Glance>(`/api/v1/runs/${id}/overview?limit=${shownMax}`)
    for (const line of changes(glance)) output.note(line)
    if (ended.has(glance.run.state)) return glance.run
    await sleep(wait, undefined, { signal })
  }
}

/** Gives the lines that are new since the last glance: one for each task, or of many tasks their numbers. */
export function createChanges(): (glance: Glance) => readonly string[] {
  const seen = new Map<string, string>()
  const isNew = (about: string, now: string): boolean => {
    if (seen.get(about) === now) return false
    seen.set(about, now)
    return true
  }
  return ({ run, states, tasks }) => {
    const lines: string[] = []
    const line = (about: string, state: string, text: string): void => {
      if (isNew(about, state)) lines.push(text)
    }
    if (run.behind !== undefined) line('', run.behind, `  held: behind run ${run.behind}`)
    if (tasks.next !== undefined) line('', countsOf(states), `  ${countsOf(states)}`)
    else
      for (const task of tasks.items)
        if (task.state !== 'blocked' && task.state !== 'ready')
          line(task.name, task.state, `  ${task.name.padEnd(16)} ${task.state}${seconds(task)}${said(task, run)}`)
    return lines
  }
}

/** `64 running, 1200 succeeded` */
export const countsOf = (states: Glance['states']): string =>
  Object.entries(states)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')

/** Why it is as it is, what became of its calls, or what it takes to go on. */
function said({ name, kind, state, error, reason, items }: FollowedTask, run: FollowedRun): string {
  const [line] = (error ?? reason ?? '').split('\n')
  if (line) return `: ${line}`
  if (state === 'waiting' && kind === 'approval') return `: trainyard approve ${run.id} ${name}`
  return items && ended.has(state) ? `: ${countsOf(items)}` : ''
}

const seconds = ({ startedAt, endedAt }: FollowedTask): string =>
  startedAt && endedAt ? ` ${((endedAt - startedAt) / 1_000).toFixed(2)} s` : ''
