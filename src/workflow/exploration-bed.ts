import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import { migrate, openDatabase, type Db } from '#storage'
import { draft } from './contract-bed.ts'
import { workflowMigrations } from './migrations.ts'
import type { Model, Step } from './exploration-search.ts'
import { serverSteps } from './exploration-server.ts'
import {
  holds,
  keyOf,
  wrongs,
  type AddStep,
  type CallState,
  type Rows,
  type Server,
  type World,
} from './exploration-world.ts'
import type { AttemptId, RunId } from './run.ts'
import type { WorkflowStore } from './store.ts'
import { sqlWorkflowStore } from './store.sql.ts'
import type { WorkflowTables } from './tables.ts'
import { task } from './testing.ts'

export interface ModelOptions extends Pick<World, 'isHeld' | 'faults'> {
  /** The store, with a rule of it broken. */
  readonly broken?: (store: WorkflowStore) => WorkflowStore
}

const serverOf = (name: string): Server => ({ name, isUp: true, follows: [], seen: undefined, words: [] })

/**
 * Two servers, a task that may be tried twice and takes a slot, somebody who may cancel its run, and all that may happen
 * to them. What decides is the store over its own tables, and the leases that servers have: of the servers there is here
 * only what they know.
 */
export async function openModel({ isHeld, faults, broken = store => store }: ModelOptions): Promise<Model<World>> {
  const db = openDatabase('sqlite::memory:')
  await migrate(db, [...secretMigrations, ...workflowMigrations])
  const store = broken(sqlWorkflowStore(db, testVault(db)))
  const one = draft({ a: task('x', { demand: '{"rain/slot":1}', retries: 1, retry: { pause: '0s' } }) })
  await store.transaction(async tx => {
    await store.setSlots(tx, 'rain', { slot: 1 })
    await store.insertRun(tx, one)
  })
  const tables = tablesOf(db)
  const start: World = {
    rows: await tables.read(),
    now: one.run.createdAt,
    servers: ['one', 'two'].map(serverOf),
    calls: {},
    isHeld,
    faults,
    wrong: undefined,
  }
  return {
    start,
    keyOf,
    wrongs,
    stepsFrom: world => stepsFrom({ store, tables, run: one.run.id }, world),
    hasEnded: ({ rows }) => rows.workflow_run.ended_at !== null,
  }
}

interface Tables {
  read(): Promise<Rows>
  write(rows: Rows): Promise<void>
}

/** What changes in the database while a task runs, read and put back as it was. */
function tablesOf(database: Db): Tables {
  const db = database.withTables<WorkflowTables>()
  /** What stands there: most steps change nothing of it. */
  let last: string | undefined
  return {
    async read() {
      const rows = {
        workflow_run: await db.selectFrom('workflow_run').selectAll().executeTakeFirstOrThrow(),
        workflow_task: await db.selectFrom('workflow_task').selectAll().executeTakeFirstOrThrow(),
        workflow_queue: await db.selectFrom('workflow_queue').selectAll().execute(),
        workflow_lease: await db.selectFrom('workflow_lease').selectAll().execute(),
        workflow_attempt: await db.selectFrom('workflow_attempt').selectAll().execute(),
      }
      last = JSON.stringify(rows)
      return rows
    },
    async write(rows) {
      if (JSON.stringify(rows) === last) return
      await db.updateTable('workflow_run').set(rows.workflow_run).execute()
      await db.updateTable('workflow_task').set(rows.workflow_task).execute()
      for (const name of ['workflow_queue', 'workflow_lease', 'workflow_attempt'] as const) {
        await db.deleteFrom(name).execute()
        if (rows[name].length > 0) await db.insertInto(name).values(rows[name]).execute()
      }
    },
  }
}

interface Stage {
  readonly store: WorkflowStore
  readonly tables: Tables
  readonly run: RunId
}

/** Everything that could happen next. */
function stepsFrom({ store, tables, run }: Stage, world: World): readonly Step<World>[] {
  const steps: Step<World>[] = []
  const add: AddStep = (name, change, kind) => {
    const isFault = kind === 'fault'
    if (isFault && world.faults === 0) return
    const next = { ...world, faults: world.faults - (isFault ? 1 : 0) }
    const take = async (): Promise<World> => {
      if (typeof change !== 'function') return { ...next, ...change }
      await tables.write(world.rows)
      const changed = await change()
      return { ...next, ...changed, rows: await tables.read() }
    }
    steps.push({ name, isFault, take })
  }
  for (const server of world.servers) serverSteps({ store, world, server, add })
  addTime(world, add)
  if (world.isHeld) addCalls(world, add)
  if (world.rows.workflow_run.cancel_requested_at === null)
    add('Somebody cancels the run.', async () => {
      await store.transaction(tx => store.cancel(tx, run, { at: world.now }))
      return {}
    })
  return steps
}

/** A lease runs out by itself, but of a server that is there and holds the attempt only when that has stood still. */
function addTime({ rows, now, servers }: World, add: AddStep): void {
  const [lease] = rows.workflow_lease.filter(one => one.lease_until >= now)
  if (!lease) return
  const isRenewed = servers.some(server => server.name === lease.owner && holds(server, lease.attempt))
  add('The lease runs out.', { now: lease.lease_until + 1 }, ...(isRenewed ? (['fault'] as const) : []))
}

/** Calls that go on by themselves end by themselves. */
function addCalls({ calls }: World, add: AddStep): void {
  for (const [id, state] of Object.entries(calls) as [AttemptId, CallState][]) {
    if (state !== 'runs') continue
    add('The call succeeds.', { calls: { ...calls, [id]: 'succeeded' } })
    add('The call fails.', { calls: { ...calls, [id]: 'failed' } })
    add('The call is killed.', { calls: { ...calls, [id]: 'gone' } }, 'fault')
  }
}
