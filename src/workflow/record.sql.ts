import { sql, type Kysely } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { inside } from '#storage'
import type { AttemptDetail, TaskRecord } from './record.ts'
import type { RecordStore } from './store.ts'
import type { AttemptRow, WorkflowTables } from './tables.ts'

export function recordStore(db: Kysely<WorkflowTables>): RecordStore {
  return {
    async putRecord(tx, { task, attempt }, record) {
      await inside<WorkflowTables>(tx)
        .updateTable('workflow_lease')
        .set(recordRow(record))
        .where('task', '=', task)
        .where('attempt', '=', attempt)
        .execute()
    },

    async attempts(task) {
      const rows = await db
        .selectFrom('workflow_attempt')
        .select(['id', 'number', 'state', 'error', 'tracking', 'claimed_at', 'ended_at', 'record', 'series'])
        .where('task', '=', task)
        .unionAll(
          db
            .selectFrom('workflow_lease')
            .select(['attempt as id', 'number', sql<string>`'running'`.as('state'), none.as('error')])
            .select(['tracking', 'claimed_at', none.as('ended_at'), 'record', 'series'])
            .where('task', '=', task),
        )
        .orderBy('number')
        .execute()
      return rows.map(fromRow)
    },
  }
}

const none = sql<null>`null`

/** A record as it is kept: its points are apart, as no list reads them. */
export function recordRow({
  resources: { series, ...totals } = { measured: '' },
  ...record
}: TaskRecord): Pick<AttemptRow, 'record' | 'series'> {
  return {
    record: JSON.stringify(totals.measured === '' ? record : { ...record, resources: totals }),
    series: series === undefined ? null : JSON.stringify(series),
  }
}

/** The record with its points; empty when none was written. */
export function recordFromRow(row: Pick<AttemptRow, 'record' | 'series'>): TaskRecord {
  const record = JSON.parse(row.record ?? '{}') as TaskRecord
  return row.series === null || !record.resources
    ? record
    : { ...record, resources: { ...record.resources, series: JSON.parse(row.series) } }
}

function fromRow(row: Omit<AttemptRow, 'task' | 'run' | 'call'>): AttemptDetail {
  return {
    id: row.id as AttemptDetail['id'],
    number: row.number,
    state: row.state,
    ...(row.error !== null && { error: row.error }),
    ...(row.tracking !== null && { tracking: row.tracking }),
    startedAt: row.claimed_at as Millis,
    ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
    record: recordFromRow(row),
  }
}
