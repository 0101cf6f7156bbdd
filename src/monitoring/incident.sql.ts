import type { Selectable } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { inside, type Db } from '#storage'
import { openKey, type FeedbackItem, type Incident, type KeptIncident } from './incident.ts'
import type { IncidentStore } from './store.ts'
import type { MonitoringTables } from './tables.ts'
import { incidentKinds } from './wire.ts'

/** Incidents and feedback items in SQL: one text for SQLite and PostgreSQL. */
export function sqlIncidentStore(db: Db): IncidentStore {
  const tables = db.withTables<MonitoringTables>()
  return {
    async open(tx, incident) {
      const row = await inside<MonitoringTables>(tx)
        .insertInto('incident')
        .values(toIncidentRow(incident))
        .onConflict(c => c.column('open_key').doNothing())
        .returning('id')
        .executeTakeFirst()
      return row !== undefined
    },

    async find(id, tx) {
      const reader = tx ? inside<MonitoringTables>(tx) : tables
      const row = await reader.selectFrom('incident').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromIncidentRow(row)
    },

    async findOpen(tx, key) {
      const row = await inside<MonitoringTables>(tx)
        .selectFrom('incident')
        .selectAll()
        .where('open_key', '=', key)
        .executeTakeFirst()
      return row && fromIncidentRow(row)
    },

    async update(tx, incident) {
      const { id: _, ...row } = toIncidentRow(incident)
      await inside<MonitoringTables>(tx).updateTable('incident').set(row).where('id', '=', incident.id).execute()
    },

    async list({ project, state }, { limit, after }) {
      let query = tables
        .selectFrom('incident')
        .selectAll()
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (state !== undefined) query = query.where('state', '=', state)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage(
        (await query.execute()).map(row => publicIncident(fromIncidentRow(row))),
        limit,
        incident => incident.id,
      )
    },

    async unresolved(project, kind) {
      const row = await tables
        .selectFrom('incident')
        .selectAll()
        .where('project', '=', project)
        .where('state', 'in', ['open', 'acknowledged'])
        .where('kind', '=', kind)
        .orderBy('id', 'desc')
        .executeTakeFirst()
      return row && publicIncident(fromIncidentRow(row))
    },

    async unresolvedCount(deployment, project) {
      const keys = incidentKinds.map(kind => openKey(kind, { deployment, project }))
      const { count } = await tables
        .selectFrom('incident')
        .select(eb => eb.fn.countAll<number>().as('count'))
        .where('open_key', 'in', keys)
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    async addItem(tx, item) {
      const own = inside<MonitoringTables>(tx)
      const added = await own
        .insertInto('feedback_item')
        .values({
          ...item,
          incident: item.incident ?? null,
          deployment: item.deployment ?? null,
          model: item.model ?? null,
          run: item.run ?? null,
        })
        .onConflict(c => c.columns(['subject', 'receiver']).doNothing())
        .returning('id')
        .executeTakeFirst()
      const row = await own
        .selectFrom('feedback_item')
        .selectAll()
        .where('subject', '=', item.subject)
        .where('receiver', '=', item.receiver)
        .executeTakeFirstOrThrow()
      return { item: fromItemRow(row), isNew: added !== undefined }
    },

    async items(project, { limit, after }) {
      let query = tables
        .selectFrom('feedback_item')
        .selectAll()
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromItemRow), limit, item => item.id)
    },

    async waitingItems(project, receiver, limit) {
      const rows = await tables
        .selectFrom('feedback_item')
        .selectAll()
        .where('project', '=', project)
        .where('state', '=', 'open')
        .where('receiver', '=', receiver)
        .where('run', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(fromItemRow)
    },

    async attachRun(tx, item, run) {
      const { numUpdatedRows } = await inside<MonitoringTables>(tx)
        .updateTable('feedback_item')
        .set({ run })
        .where('id', '=', item)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async endItemsOfRun(tx, run) {
      await inside<MonitoringTables>(tx)
        .updateTable('feedback_item')
        .set({ state: 'done' })
        .where('run', '=', run)
        .where('state', '=', 'open')
        .execute()
    },

    async endItemsAbout(tx, subject) {
      await inside<MonitoringTables>(tx)
        .updateTable('feedback_item')
        .set({ state: 'done' })
        .where('subject', '=', subject)
        .where('state', '=', 'open')
        .execute()
    },
  }
}

const toIncidentRow = (incident: KeptIncident): MonitoringTables['incident'] => ({
  id: incident.id,
  project: incident.project,
  deployment: incident.deployment ?? null,
  source: incident.source ?? null,
  kind: incident.kind,
  severity: incident.severity,
  state: incident.state,
  title: incident.title,
  evidence: JSON.stringify(incident.evidence),
  causes: JSON.stringify(incident.causes),
  violations: JSON.stringify(incident.violations),
  windows: JSON.stringify(incident.windows),
  revision: incident.revision ?? null,
  version: incident.version ?? null,
  clean: incident.clean,
  open_key: incident.state === 'resolved' ? null : openKey(incident.kind, incident),
  opened_at: incident.openedAt,
  resolved_at: incident.resolvedAt ?? null,
  resolution: incident.resolution ?? null,
})

const fromIncidentRow = (row: Selectable<MonitoringTables['incident']>): KeptIncident => ({
  id: row.id as Incident['id'],
  project: row.project,
  ...(row.deployment !== null && { deployment: row.deployment }),
  ...(row.source !== null && { source: row.source }),
  kind: row.kind as Incident['kind'],
  severity: row.severity as Incident['severity'],
  state: row.state as Incident['state'],
  title: row.title,
  evidence: JSON.parse(row.evidence),
  causes: JSON.parse(row.causes),
  violations: JSON.parse(row.violations),
  windows: JSON.parse(row.windows),
  openedAt: row.opened_at as Incident['openedAt'],
  ...(row.resolved_at !== null && { resolvedAt: row.resolved_at as Incident['openedAt'] }),
  ...(row.resolution !== null && { resolution: row.resolution }),
  revision: row.revision ?? undefined,
  version: row.version ?? undefined,
  clean: row.clean,
})

/** What the world sees of an incident. */
export const publicIncident = ({ revision: _r, version: _v, clean: _c, ...incident }: KeptIncident): Incident =>
  incident

const fromItemRow = (row: Selectable<MonitoringTables['feedback_item']>): FeedbackItem => ({
  id: row.id as FeedbackItem['id'],
  project: row.project,
  receiver: row.receiver as FeedbackItem['receiver'],
  ...(row.incident !== null && { incident: row.incident }),
  ...(row.deployment !== null && { deployment: row.deployment }),
  ...(row.model !== null && { model: row.model }),
  title: row.title,
  action: row.action,
  state: row.state as FeedbackItem['state'],
  ...(row.run !== null && { run: row.run }),
  at: row.at as FeedbackItem['at'],
})
