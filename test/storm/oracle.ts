import { readFile } from 'node:fs/promises'
import type { Workflow } from '#workflow'

/** What a task has appended to the oracle by itself, in one write: nothing of it passes the platform. */
export interface Line {
  readonly word: 'start' | 'end'
  /** Run and task. */
  readonly key: string
  readonly attempt: string
  /** Seconds after boot, by the machine's monotonic clock. */
  readonly at: number
}

export async function readOracle(path: string): Promise<readonly Line[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [word, key, attempt, at] = line.split(' ')
      return { word: word as Line['word'], key: key!, attempt: attempt!, at: Number(at) }
    })
}

/** What the database says of the same runs. */
interface Told {
  readonly key: string
  readonly state: string
  readonly attempts: readonly { readonly id: string; readonly state: string }[]
}

export async function told(workflow: Workflow, runs: readonly string[]): Promise<readonly Told[]> {
  const tasks = (await Promise.all(runs.map(run => workflow.tasks(run)))).flat()
  return Promise.all(
    tasks.map(async ({ run, name, state }) => ({
      key: `${run}/${name}`,
      state,
      attempts: (await workflow.task(run, name)).attempts,
    })),
  )
}

/** Where the database and the oracle disagree: each a sentence. */
export function disagreements(tasks: readonly Told[], lines: readonly Line[]): readonly string[] {
  return tasks.flatMap(task => {
    const own = lines.filter(line => line.key === task.key)
    const of = (attempt: string, word: Line['word']): readonly Line[] =>
      own.filter(line => line.attempt === attempt && line.word === word)
    const known = new Set(task.attempts.map(({ id }) => id))
    const begun = own.filter(({ word }) => word === 'start').toSorted((a, b) => a.at - b.at)
    return [
      ...(['succeeded', 'failed', 'cancelled'].includes(task.state) ? [] : [`${task.key} is ${task.state}`]),
      ...task.attempts
        .filter(({ id, state }) => state === 'succeeded' && of(id, 'end').length !== 1)
        .map(({ id }) => `${id} of ${task.key} succeeded and has ended ${of(id, 'end').length} times`),
      ...task.attempts.filter(({ id }) => of(id, 'start').length > 1).map(({ id }) => `${id} was begun more than once`),
      ...task.attempts.filter(({ state }) => state === 'running').map(({ id }) => `${id} of ${task.key} still runs`),
      ...begun.filter(({ attempt }) => !known.has(attempt)).map(({ attempt }) => `nobody knows attempt ${attempt}`),
      ...begun.slice(1).flatMap((next, index) => {
        const end = of(begun[index]!.attempt, 'end')[0]
        return end && end.at > next.at ? [`${end.attempt} and ${next.attempt} of ${task.key} overlap`] : []
      }),
      ...(task.attempts.filter(({ state }) => state === 'succeeded').length > 1 ? [`${task.key} succeeded twice`] : []),
    ]
  })
}
