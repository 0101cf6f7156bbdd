import type { Kysely, Selectable } from 'kysely'
import { inside } from '#storage'
import type { Assessment } from './assessment.ts'
import type { TraceStore } from './store.ts'
import type { TraceTables } from './tables.ts'

type Row = Selectable<TraceTables['assessment']>

type AssessmentStore = Pick<
  TraceStore,
  'addAssessments' | 'holdAssessment' | 'putAssessment' | 'removeAssessment' | 'assessment'
>

/** The part of the trace store that keeps assessments. */
export function assessmentsSql(tables: Kysely<TraceTables>): {
  store: AssessmentStore
  /** Those of many traces, oldest first. */
  of(traces: readonly string[]): Promise<ReadonlyMap<string, readonly Assessment[]>>
} {
  return {
    async of(traces) {
      const rows = await tables
        .selectFrom('assessment')
        .selectAll()
        .where('trace_id', 'in', [...traces])
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return Map.groupBy(rows.map(fromRow), assessment => assessment.traceId)
    },

    store: {
      async addAssessments(tx, assessments) {
        for (const assessment of assessments)
          await inside<TraceTables>(tx)
            .insertInto('assessment')
            .values(toRow(assessment))
            .onConflict(conflict => conflict.column('id').doNothing())
            .execute()
      },

      async holdAssessment(tx, trace, id) {
        const row = await inside<TraceTables>(tx)
          .updateTable('assessment')
          .set(eb => ({ valid: eb.ref('valid') }))
          .where('trace_id', '=', trace)
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst()
        return row && fromRow(row)
      },

      async putAssessment(tx, assessment) {
        const { id, trace_id, ...values } = toRow(assessment)
        await inside<TraceTables>(tx)
          .updateTable('assessment')
          .set(values)
          .where('trace_id', '=', trace_id)
          .where('id', '=', id)
          .execute()
      },

      async removeAssessment(tx, trace, id) {
        await inside<TraceTables>(tx)
          .deleteFrom('assessment')
          .where('trace_id', '=', trace)
          .where('id', '=', id)
          .execute()
      },

      async assessment(trace, id) {
        const row = await tables
          .selectFrom('assessment')
          .selectAll()
          .where('trace_id', '=', trace)
          .where('id', '=', id)
          .executeTakeFirst()
        return row && fromRow(row)
      },
    },
  }
}

const toRow = (assessment: Assessment): Row => ({
  id: assessment.id,
  trace_id: assessment.traceId,
  span_id: assessment.spanId ?? null,
  name: assessment.name,
  kind: assessment.kind,
  value: assessment.value,
  error: assessment.error ? JSON.stringify(assessment.error) : null,
  source_type: assessment.source?.type ?? null,
  source_id: assessment.source?.id ?? null,
  rationale: assessment.rationale ?? null,
  metadata: assessment.metadata ? JSON.stringify(assessment.metadata) : null,
  overrides: assessment.overrides ?? null,
  valid: assessment.valid ? 1 : 0,
  created_at: assessment.createdAt,
  updated_at: assessment.updatedAt,
})

const fromRow = (row: Row): Assessment => ({
  id: row.id,
  traceId: row.trace_id,
  ...(row.span_id === null ? {} : { spanId: row.span_id }),
  name: row.name,
  kind: row.kind as Assessment['kind'],
  value: row.value,
  ...(row.error === null ? {} : { error: JSON.parse(row.error) as NonNullable<Assessment['error']> }),
  ...(row.source_type === null ? {} : { source: { type: row.source_type, id: row.source_id ?? '' } }),
  ...(row.rationale === null ? {} : { rationale: row.rationale }),
  ...(row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) as NonNullable<Assessment['metadata']> }),
  ...(row.overrides === null ? {} : { overrides: row.overrides }),
  valid: row.valid === 1,
  createdAt: row.created_at as Assessment['createdAt'],
  updatedAt: row.updated_at as Assessment['updatedAt'],
})
