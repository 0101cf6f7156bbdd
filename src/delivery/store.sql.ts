import type { Selectable } from 'kysely'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { Conversion, DecidedMove, Delivered, DeliveryStore } from './store.ts'
import type { DeliveryTables } from './tables.ts'

/** Ends of deliveries in SQL, one text for SQLite and PostgreSQL. */
export function sqlDeliveryStore(db: Db): DeliveryStore {
  const tables = db.withTables<DeliveryTables>()
  return {
    deliver: ({ commit, ...delivered }, within) =>
      tables.transaction().execute(async tx => {
        const row = { ...delivered, commit_id: commit }
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('delivery_build')
          .values(row)
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirstOrThrow()
        if ((numInsertedOrUpdatedRows ?? 0n) > 0n) await within(tx)
      }),

    async delivered(runs) {
      if (runs.length === 0) return new Map()
      const rows = await tables
        .selectFrom('delivery_build')
        .selectAll()
        .where('run', 'in', [...runs])
        .execute()
      return new Map(rows.map(row => [row.run, fromRow(row)]))
    },

    conclude: (rollout, within) =>
      tables.transaction().execute(async tx => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('delivery_rollout')
          .values(rollout)
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirstOrThrow()
        if ((numInsertedOrUpdatedRows ?? 0n) > 0n) await within(tx)
      }),

    addMove: move =>
      tables.transaction().execute(async tx => {
        const { last } = await tx
          .selectFrom('delivery_canary')
          .select(eb => eb.fn.max('seq').as('last'))
          .where('run', '=', move.run)
          .executeTakeFirstOrThrow()
        await tx
          .insertInto('delivery_canary')
          .values(toMoveRow(move, (last ?? 0) + 1))
          .execute()
      }),

    async movesOf(run) {
      const rows = await tables
        .selectFrom('delivery_canary')
        .selectAll()
        .where('run', '=', run)
        .orderBy('seq')
        .execute()
      return rows.map(fromMoveRow)
    },

    async moves(deployment, limit) {
      const rows = await tables
        .selectFrom('delivery_canary')
        .selectAll()
        .where('deployment', '=', deployment)
        .orderBy('at', 'desc')
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(fromMoveRow)
    },

    async keepConversion(conversion) {
      const { version, ...rest } = toConversionRow(conversion)
      await tables
        .insertInto('delivery_conversion')
        .values({ version, ...rest })
        .onConflict(conflict => conflict.column('version').doUpdateSet(rest))
        .execute()
    },

    async conversion(version) {
      const row = await tables
        .selectFrom('delivery_conversion')
        .selectAll()
        .where('version', '=', version)
        .executeTakeFirst()
      return row && fromConversionRow(row)
    },
  }
}

const toMoveRow = (
  { controlRequests, controlErrors, controlSlow, controlLate, slowEvidence, ...move }: DecidedMove,
  seq: number,
): DeliveryTables['delivery_canary'] => ({
  ...move,
  seq,
  control_requests: controlRequests,
  control_errors: controlErrors,
  control_slow: controlSlow,
  control_late: controlLate,
  slow_evidence: slowEvidence,
})

const fromMoveRow = ({
  seq: _,
  control_requests: controlRequests,
  control_errors: controlErrors,
  control_slow: controlSlow,
  control_late: controlLate,
  slow_evidence: slowEvidence,
  ...row
}: Selectable<DeliveryTables['delivery_canary']>): DecidedMove =>
  ({ ...row, controlRequests, controlErrors, controlSlow, controlLate, slowEvidence }) as DecidedMove

const toConversionRow = ({
  version,
  outcome,
  reason,
  at,
  ...found
}: Conversion): DeliveryTables['delivery_conversion'] => ({
  version,
  outcome,
  reason,
  onnx: found.onnx ?? null,
  bytes: found.bytes ?? null,
  tried_rows: found.rows ?? null,
  sample: found.sample ?? null,
  max_delta: found.maxDelta ?? null,
  differing: found.differing ?? null,
  onnx_ms: found.onnxMs ?? null,
  python_ms: found.pythonMs ?? null,
  at,
})

function fromConversionRow(row: Selectable<DeliveryTables['delivery_conversion']>): Conversion {
  const found = {
    onnx: row.onnx as Digest | null,
    bytes: row.bytes,
    rows: row.tried_rows,
    sample: row.sample as Conversion['sample'] | null,
    maxDelta: row.max_delta,
    differing: row.differing,
    onnxMs: row.onnx_ms,
    pythonMs: row.python_ms,
  }
  return {
    version: row.version,
    outcome: row.outcome as Conversion['outcome'],
    reason: row.reason,
    ...(Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null)) as Partial<Conversion>),
    at: row.at as Millis,
  }
}

const fromRow = ({ commit_id, code, at, ...row }: Selectable<DeliveryTables['delivery_build']>): Delivered => ({
  ...row,
  commit: commit_id,
  code: code as Digest,
  at: at as Millis,
})
