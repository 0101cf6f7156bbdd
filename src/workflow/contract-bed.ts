import type { TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import { needsOf } from './graph.ts'
import type { Run, RunTask, TaskId } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'
import type { RunDraft } from './run-draft.ts'

/** A run of these tasks, and short ways to claim and end them. */
export async function bed(
  open: (t: TestContext) => Promise<WorkflowStore>,
  t: TestContext,
  tasks: Readonly<Record<string, RunTask>>,
) {
  const store = await open(t)
  const one = draft(tasks)
  let now = 1_000
  await store.transaction(tx => store.insertRun(tx, one))
  return {
    store,
    run: one.run,
    at: (instant: number) => {
      now = instant
    },
    take: (limit: number, owner = 'me'): Promise<readonly Claim[]> =>
      store
        .transaction(tx =>
          store.claim(tx, {
            pool: 'platform',
            limit,
            owner,
            machine: 'here',
            devices: [],
            now,
            leaseUntil: now + 10_000,
          }),
        )
        .then(claims => claims.toSorted((x, y) => (x.task < y.task ? -1 : 1))),
    end: (claim: Claim, outcome: Outcome, owner = 'me') =>
      store.transaction(tx => store.finish(tx, [{ ...claim, owner, outcome, at: now }])).then(([finished]) => finished),
    endAll: (ends: readonly (readonly [Claim, Outcome])[], owner = 'me') =>
      store.transaction(tx =>
        store.finish(
          tx,
          ends.map(([claim, outcome]) => ({ ...claim, owner, outcome, at: now })),
        ),
      ),
    states: async () => Object.fromEntries((await store.listTasks(one.run.id)).map(({ name, state }) => [name, state])),
  }
}

export function draft(tasks: Readonly<Record<string, RunTask>>, key?: string): RunDraft {
  const names = Object.keys(tasks)
  const ids = names.map(() => newId<'task'>('tsk'))
  const run: Omit<Run, 'state'> = {
    id: newId<'run'>('run'),
    project: 'rain',
    pipeline: 'test',
    params: {},
    cause: { kind: 'manual', reason: 'A test.' },
    actor: 'ann',
    createdAt: 1_000 as Millis,
  }
  return {
    run,
    key,
    tasks: names.map((name, index) => ({
      id: ids[index] as TaskId,
      name,
      spec: tasks[name]!,
      needs: needsOf(tasks[name]!, tasks),
      params: {},
    })),
  }
}
