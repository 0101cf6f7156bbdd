import type { Kysely } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { runRows, type RowStatement } from '#storage'
import type { AttemptDetail, TaskRecord } from './record.ts'
import type { RecordStore } from './store.ts'
import type { AttemptRow, RecordRow, WorkflowTables } from './tables.ts'

export function recordStore(db: Kysely<WorkflowTables>): RecordStore {
  return {
    async putRecords(tx, records) {
      const values = records.flatMap(({ attempt, record }) => {
        const { record: text, series } = toRow(record)
        return [attempt, text, series]
      })
      await runRows(tx, newRecords, values)
    },

    async attempts(task) {
      const rows = await db
        .selectFrom('workflow_attempt')
        .leftJoin('workflow_record', 'workflow_record.attempt', 'workflow_attempt.id')
        .selectAll('workflow_attempt')
        .select(['record', 'series'])
        .where('task', '=', task)
        .orderBy('number')
        .execute()
      return rows.map(fromRow)
    },
  }
}

const newRecords: RowStatement = {
  head: 'insert into workflow_record (attempt, record, series)',
  types: ['text', 'text', 'text'],
  tail: 'on conflict (attempt) do update set record = excluded.record, series = excluded.series',
}

function toRow({
  resources: { series, ...totals } = { measured: '' },
  ...record
}: TaskRecord): Omit<RecordRow, 'attempt'> {
  return {
    record: JSON.stringify(totals.measured === '' ? record : { ...record, resources: totals }),
    series: series === undefined ? null : JSON.stringify(series),
  }
}

/** The record with its points; empty when none was written. */
export function recordFromRow(row: { record: string | null; series: string | null } | undefined): TaskRecord {
  const record = JSON.parse(row?.record ?? '{}') as TaskRecord
  return !row || row.series === null || !record.resources
    ? record
    : { ...record, resources: { ...record.resources, series: JSON.parse(row.series) } }
}

function fromRow(row: AttemptRow & { record: string | null; series: string | null }): AttemptDetail {
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
