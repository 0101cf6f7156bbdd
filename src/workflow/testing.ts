import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { wallClock, type Clock } from '#kernel/clock.ts'
import { testEngines } from '#storage/testing.ts'
import type { Executor, PlatformTask } from './task.ts'
import { compose, migrations, type BedDeps, type TestBed } from './test-bed.ts'

export { command, compose, migrations, objective, task, type TestBed } from './test-bed.ts'

export interface BedOptions {
  readonly handlers?: Readonly<Record<string, PlatformTask>>
  readonly executor?: Executor
  readonly clock?: Clock
  /** The tables of an earlier bed: this one is then its successor, or a neighbour. */
  readonly over?: Pick<TestBed, 'db' | 'folder'>
  readonly deps?: BedDeps
  /** Whether the scheduler runs from the start. */
  readonly isStopped?: boolean
}

const [sqlite] = testEngines()

/** On SQLite; the store's contract is what says that the other engines do the same. */
export async function openBed(
  t: TestContext,
  { handlers = {}, executor, clock = wallClock, over, deps = {}, isStopped = false }: BedOptions = {},
): Promise<TestBed> {
  // First of all that is taken down: without its database it would try again for as long as a lease lasts.
  t.after(() => bed.workflow.stop())
  const db = over?.db ?? (await sqlite!.open(t, migrations))
  const folder = over?.folder ?? (await testFolder(t))
  const bed = compose({ db, folder, clock, deps })
  for (const [name, handler] of Object.entries(handlers)) bed.workflow.provide(name, handler)
  if (executor) bed.workflow.useExecutor(executor)
  if (!isStopped) await bed.workflow.startScheduler()
  return bed
}

export async function testFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-workflow-'))
  // A task that is being stopped may still write its last line.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Runs attempts in this process: nothing of them outlives it. */
export const inProcess = (execute: Executor['execute']): Executor => ({
  execute,
  adopt: () => Promise.reject(new Error('There is nothing to adopt.')),
  canReach: async () => false,
  reap: async () => {},
})

/** Looks until it holds, for half a minute at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds());) {
    if (Date.now() > end) throw new Error('It never came true.')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
