import { invalid } from '#kernel/error.ts'
import { localExecutorName, type Attempt, type Executor } from '#workflow'

/** All executors of the platform as one: each attempt goes to the one that its task names. */
export function chosenExecutor(executors: Readonly<Record<string, Executor>>): Executor {
  const find = (name: string): Executor | undefined => (Object.hasOwn(executors, name) ? executors[name] : undefined)
  const ofTask = ({ spec: { executor: name = localExecutorName } }: Attempt): Executor => {
    const found = find(name)
    if (found) return found
    throw invalid('The task is for an executor that this server does not have any more.', [
      { field: 'executor', value: name, allowed: `one of ${Object.keys(executors).join(', ')}` },
    ])
  }
  const ofHandle = (handle: unknown): Executor | undefined => find((handle as { executor: string }).executor)

  return {
    execute: async attempt => ofTask(attempt).execute(attempt),
    adopt: (attempt, handle) => (ofHandle(handle) ?? ofTask(attempt)).adopt(attempt, handle),
    canReach: async handle => (await ofHandle(handle)?.canReach(handle)) ?? false,
    async reap(live) {
      await Promise.all(Object.values(executors).map(executor => executor.reap(live)))
    },
  }
}
