import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { inside, type Db } from '#storage'
import type { KeptWindow, Monitor } from './monitor.ts'
import type { KeptReference, MonitorStore } from './store.ts'
import type { MonitoringTables } from './tables.ts'

/** Monitors and windows in SQL: one text for SQLite and PostgreSQL. */
export function sqlMonitorStore(db: Db): MonitorStore {
  const tables = db.withTables<MonitoringTables>()
  return {
    async createMonitor(tx, monitor, at) {
      await inside<MonitoringTables>(tx)
        .insertInto('monitor')
        .values({
          ...monitor,
          open_from: null,
          watermark: null,
          pending: 0,
          predictions: 0,
          seen: 0,
          labelled: 0,
          drift_window: null,
          drift_clean: 0,
          created_at: at,
        })
        .onConflict(c => c.column('deployment').doNothing())
        .execute()
    },

    async findMonitor(deployment) {
      const row = await tables.selectFrom('monitor').selectAll().where('deployment', '=', deployment).executeTakeFirst()
      return row && fromMonitorRow(row)
    },

    async lockMonitor(tx, deployment) {
      // An update that changes nothing is a row lock that both engines have.
      const row = await inside<MonitoringTables>(tx)
        .updateTable('monitor')
        .set({ deployment })
        .where('deployment', '=', deployment)
        .returningAll()
        .executeTakeFirst()
      return row && fromMonitorRow(row)
    },

    async monitors(project) {
      const rows = await tables
        .selectFrom('monitor')
        .selectAll()
        .where('project', '=', project)
        .orderBy('deployment')
        .execute()
      return rows.map(fromMonitorRow)
    },

    async setLive(tx, deployment, live) {
      await inside<MonitoringTables>(tx).updateTable('monitor').set(live).where('deployment', '=', deployment).execute()
    },

    async countPredictions(tx, deployment, { event, count, watermark }) {
      await inside<MonitoringTables>(tx)
        .updateTable('monitor')
        .set(eb => ({
          seen: event,
          predictions: eb('predictions', '+', count),
          pending: eb('pending', '+', count),
          watermark: eb.case().when('watermark', '>', watermark).then(eb.ref('watermark')).else(watermark).end(),
        }))
        .where('deployment', '=', deployment)
        .where('seen', '<', event)
        .execute()
    },

    async setOpen(tx, deployment, { openFrom, pending }) {
      await inside<MonitoringTables>(tx)
        .updateTable('monitor')
        .set({ open_from: openFrom ?? null, pending })
        .where('deployment', '=', deployment)
        .execute()
    },

    async setDrift(tx, deployment, { window, clean }) {
      await inside<MonitoringTables>(tx)
        .updateTable('monitor')
        .set({ drift_window: window ?? null, drift_clean: clean })
        .where('deployment', '=', deployment)
        .execute()
    },

    async putReference(tx, reference, at) {
      await inside<MonitoringTables>(tx)
        .insertInto('monitor_reference')
        .values({ ...reference, digest: reference.digest ?? null, created_at: at })
        .onConflict(c => c.column('revision').doNothing())
        .execute()
    },

    async findReference(revision) {
      const row = await tables
        .selectFrom('monitor_reference')
        .selectAll()
        .where('revision', '=', revision)
        .executeTakeFirst()
      return row && fromReferenceRow(row)
    },

    async addWindow(tx, { from, to, ...window }) {
      const empty = {
        judged: 0,
        judged_by: null,
        rows: 0,
        scored: 0,
        labelled: 0,
        truth_seen: 0,
        state: 'ok',
        signals: '[]',
        performance: null,
        reference: '',
        evaluated_at: null,
      }
      await inside<MonitoringTables>(tx)
        .insertInto('monitor_window')
        .values({ ...window, ...empty, from_at: from, to_at: to })
        .onConflict(c => c.columns(['deployment', 'from_at']).doNothing())
        .execute()
    },

    async findWindow(id) {
      const row = await tables.selectFrom('monitor_window').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromWindowRow(row)
    },

    async windowFrom(deployment, from) {
      const row = await tables
        .selectFrom('monitor_window')
        .selectAll()
        .where('deployment', '=', deployment)
        .where('from_at', '=', from)
        .executeTakeFirst()
      return row && fromWindowRow(row)
    },

    async unjudged(deployment, limit) {
      const rows = await tables
        .selectFrom('monitor_window')
        .selectAll()
        .where('deployment', '=', deployment)
        .where('judged', '=', 0)
        .orderBy('from_at')
        .limit(limit)
        .execute()
      return rows.map(fromWindowRow)
    },

    async beside({ deployment, revision, from }, side, limit) {
      const judged = tables
        .selectFrom('monitor_window')
        .selectAll()
        .where('deployment', '=', deployment)
        .where('judged', '=', 1)
        .where('revision', '=', revision)
      const query =
        side === 'before'
          ? judged.where('from_at', '<', from).orderBy('from_at', 'desc')
          : judged.where('from_at', '>', from).orderBy('from_at')
      return (await query.limit(limit).execute()).map(fromWindowRow)
    },

    async saveJudgement(tx, window, formerlyBy) {
      const by = formerlyBy ?? null
      const { numUpdatedRows } = await inside<MonitoringTables>(tx)
        .updateTable('monitor_window')
        .set(judgementColumns(window))
        .where('id', '=', window.id)
        .where('judged_by', by === null ? 'is' : '=', by)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async awaitingTruth(deployment, limit) {
      const rows = await tables
        .selectFrom('monitor_window')
        .selectAll()
        .where('deployment', '=', deployment)
        .where('judged', '=', 1)
        .whereRef('labelled', '<', 'scored')
        .orderBy('from_at', 'desc')
        .limit(limit)
        .execute()
      return rows.map(fromWindowRow).toReversed()
    },

    async windows(deployment, { limit, after }) {
      let query = tables
        .selectFrom('monitor_window')
        .selectAll()
        .where('deployment', '=', deployment)
        .where('judged', '=', 1)
        .orderBy('from_at', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('from_at', '<', Number(after))
      return toPage((await query.execute()).map(fromWindowRow), limit, window => String(window.from))
    },
  }
}

const judgementColumns = (window: Parameters<MonitorStore['saveJudgement']>[1]) => ({
  judged: 1,
  judged_by: window.judgedBy ?? null,
  revision: window.revision,
  rows: window.rows,
  scored: window.scored,
  labelled: window.labelled,
  truth_seen: window.truthSeen,
  state: window.state,
  signals: JSON.stringify(window.signals),
  performance: window.performance ? JSON.stringify(window.performance) : null,
  reference: window.reference,
  evaluated_at: window.evaluatedAt ?? null,
})

const fromMonitorRow = (row: Selectable<MonitoringTables['monitor']>): Monitor => ({
  deployment: row.deployment,
  project: row.project,
  model: row.model,
  revision: row.revision,
  version: row.version,
  openFrom: row.open_from ?? undefined,
  watermark: row.watermark ?? undefined,
  pending: row.pending,
  predictions: row.predictions,
  seen: row.seen,
  labelled: row.labelled,
  driftWindow: row.drift_window ?? undefined,
  driftClean: row.drift_clean,
})

const fromReferenceRow = ({
  revision,
  deployment,
  version,
  digest,
  text,
}: Selectable<MonitoringTables['monitor_reference']>): KeptReference => ({
  revision,
  deployment,
  version,
  digest: digest ?? undefined,
  text,
})

const fromWindowRow = (row: Selectable<MonitoringTables['monitor_window']>): KeptWindow => ({
  id: row.id as KeptWindow['id'],
  deployment: row.deployment,
  project: row.project,
  revision: row.revision,
  from: row.from_at as Millis,
  to: row.to_at as Millis,
  isJudged: row.judged === 1,
  judgedBy: row.judged_by ?? undefined,
  rows: row.rows,
  scored: row.scored,
  labelled: row.labelled,
  truthSeen: row.truth_seen,
  state: row.state as KeptWindow['state'],
  signals: JSON.parse(row.signals),
  performance: row.performance === null ? undefined : JSON.parse(row.performance),
  reference: row.reference,
  evaluatedAt: (row.evaluated_at ?? undefined) as Millis | undefined,
})
