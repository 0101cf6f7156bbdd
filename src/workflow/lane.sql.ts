import type { Transaction } from 'kysely'
import { crashPoint } from '#kernel/crash-point.ts'
import { inside } from '#storage'
import { enqueue } from './enqueue.sql.ts'
import type { LaneKey, LaneStore } from './lane-store.ts'
import type { RunId } from './run.ts'
import type { WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

export const laneStore = (): LaneStore => ({
  async enterLane(tx, { project, pipeline, activeMax, key, at }) {
    const own = inside<WorkflowTables>(tx)
    const lane = { project, pipeline }
    const place = await hold(own, lane, activeMax)
    const active = await fill(own, lane, { activeMax, at })
    return { place, active, isKnown: key !== undefined && (await isKnown(own, project, key)) }
  },

  async openRuns(tx, { project, pipeline }) {
    const rows = await inside<WorkflowTables>(tx)
      .selectFrom('workflow_run')
      .select(['id', 'place', 'cancel_requested_at'])
      .where(eb => eb.and({ project, pipeline }))
      .where('ended_at', 'is', null)
      .where('parent_task', 'is', null)
      .orderBy('id')
      .execute()
    return rows.map(row => ({
      id: row.id as RunId,
      isHeld: row.place !== null,
      isCancelled: row.cancel_requested_at !== null,
    }))
  },
})

/** Takes the lane's row, and with it the next place in the line. */
async function hold(tx: Tx, lane: LaneKey, activeMax: number): Promise<number> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('workflow_lane')
    .values({ ...lane, active_max: activeMax, turn: 0 })
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirstOrThrow()
  const { turn } = await tx
    .updateTable('workflow_lane')
    .set(eb => ({ active_max: activeMax, turn: eb('turn', '+', 1) }))
    .where(eb => eb.and({ ...lane }))
    .returning('turn')
    .executeTakeFirstOrThrow()
  // Who ends a run that began when there was no lane has not waited for its row: it is waited for.
  if (numInsertedOrUpdatedRows === 1n)
    await tx
      .updateTable('workflow_run')
      .set(eb => ({ place: eb.ref('place') }))
      .where(eb => eb.and({ ...lane }))
      .where('ended_at', 'is', null)
      .execute()
  return turn
}

/** A run of the lane has ended, and the next may begin. The lane is held from here on. */
export async function letNext(tx: Tx, { project, pipeline }: LaneKey, at: number): Promise<void> {
  const held = await tx
    .updateTable('workflow_lane')
    .set(eb => ({ turn: eb('turn', '+', 1) }))
    .where(eb => eb.and({ project, pipeline }))
    .returning('active_max')
    .executeTakeFirst()
  if (held) await fill(tx, { project, pipeline }, { activeMax: held.active_max, at })
}

/** Lets held runs begin as far as there is room, first come first served. Answers what is active then. */
async function fill(
  tx: Tx,
  lane: LaneKey,
  { activeMax, at }: { activeMax: number; at: number },
): Promise<readonly RunId[]> {
  const active = await activeRuns(tx, lane, activeMax)
  const next = active.length < activeMax ? await heldRuns(tx, lane, activeMax - active.length) : []
  for (const id of next) {
    await tx.updateTable('workflow_run').set({ state: 'queued', place: null }).where('id', '=', id).execute()
    await openTasks(tx, id, at)
    crashPoint('workflow.run_released')
  }
  return [...active, ...next]
}

/** Makes ready what waits for no other task. */
export async function openTasks(tx: Tx, run: string, at: number): Promise<void> {
  const rows = await tx
    .updateTable('workflow_task')
    .set({ state: 'ready' })
    .where('run', '=', run)
    .where('state', '=', 'blocked')
    .where('needs_open', '=', 0)
    // The calls for items are made ready by the task that they are of, as many at a time as it allows.
    .where('parent', 'is', null)
    .returning('id')
    .execute()
  await enqueue(
    tx,
    rows.map(({ id }) => id),
    at,
  )
}

async function activeRuns(tx: Tx, lane: LaneKey, limit: number): Promise<readonly RunId[]> {
  const rows = await tx
    .selectFrom('workflow_run')
    .select('id')
    .where(eb => eb.and({ ...lane }))
    .where('ended_at', 'is', null)
    .where('place', 'is', null)
    .where('parent_task', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(row => row.id as RunId)
}

async function heldRuns(tx: Tx, lane: LaneKey, limit: number): Promise<readonly RunId[]> {
  const rows = await tx
    .selectFrom('workflow_run')
    .select('id')
    .where(eb => eb.and({ ...lane }))
    .where('place', 'is not', null)
    .orderBy('place')
    .limit(limit)
    .execute()
  return rows.map(row => row.id as RunId)
}

async function isKnown(tx: Tx, project: string, key: string): Promise<boolean> {
  const row = await tx
    .selectFrom('workflow_run')
    .select('id')
    .where('project', '=', project)
    .where('run_key', '=', key)
    .executeTakeFirst()
  return row !== undefined
}
