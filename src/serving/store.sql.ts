import { sql, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { inside, type AnyTx, type Db } from '#storage'
import type { RevisionState, TrafficChange } from './deployment.ts'
import { sqlLogIndex } from './log-index.sql.ts'
import { sqlShadowStore } from './shadow.sql.ts'
import type { DeploymentRow, RevisionRow, ServingStore } from './store.ts'
import type { ServingTables } from './tables.ts'

type Own = Transaction<ServingTables>

/** Deployments, traffic and the index of the prediction log in SQL: one text for SQLite and PostgreSQL. */
export function sqlServingStore(db: Db): ServingStore {
  const tables = db.withTables<ServingTables>()
  const own = (tx: AnyTx): Own => inside<ServingTables>(tx)
  return { ...changes(own), ...readings(tables), ...sqlLogIndex(tables, own), ...sqlShadowStore(tables, own) }
}

type Changes = Pick<
  ServingStore,
  'nextRoutes' | 'putDeployment' | 'addRevision' | 'revisionsIn' | 'setShares' | 'addTraffic'
>
type Readings = Pick<
  ServingStore,
  | 'routesVersion'
  | 'deployment'
  | 'deployments'
  | 'revisions'
  | 'revision'
  | 'revisionByKey'
  | 'traffic'
  | 'latencies'
  | 'perMinute'
  | 'guardMinutes'
>

function changes(own: (tx: AnyTx) => Own): Changes {
  return {
    async nextRoutes(tx) {
      const { value } = await own(tx)
        .updateTable('serving_counter')
        .set(eb => ({ value: eb('value', '+', 1) }))
        .where('name', '=', 'routes')
        .returning('value')
        .executeTakeFirstOrThrow()
      return value
    },

    async putDeployment(tx, { name, project, model, createdAt }) {
      await own(tx)
        .insertInto('serving_deployment')
        .values({ name, project, model, created_at: createdAt })
        .onConflict(c => c.column('name').doUpdateSet({ model }).where('serving_deployment.project', '=', project))
        .execute()
      return fromDeployment(
        await own(tx).selectFrom('serving_deployment').selectAll().where('name', '=', name).executeTakeFirstOrThrow(),
      )
    },

    async addRevision(tx, { id, key, deployment, version, versionNumber, bundle, createdAt }) {
      // Whoever adds a revision holds the routes, so that no two count at the same time.
      const { last } = await own(tx)
        .selectFrom('serving_revision')
        .select(eb => eb.fn.max('number').as('last'))
        .where('deployment', '=', deployment)
        .executeTakeFirstOrThrow()
      const row = {
        id,
        key: key ?? null,
        deployment,
        number: (last ?? 0) + 1,
        version,
        version_number: versionNumber,
        bundle,
        state: 'retired',
        weight: 0,
        shadow: 0,
        requests: 0,
        errors: 0,
        error_streak: 0,
        live_at: null,
        created_at: createdAt,
      }
      return fromRevision(
        await own(tx).insertInto('serving_revision').values(row).returningAll().executeTakeFirstOrThrow(),
      )
    },

    async revisionsIn(tx, deployment) {
      const rows = await own(tx)
        .selectFrom('serving_revision')
        .selectAll()
        .where('deployment', '=', deployment)
        .where(isRecent)
        .orderBy('number')
        .execute()
      return rows.map(fromRevision)
    },

    async setShares(tx, shares, at) {
      for (const { id, state, weight, shadow } of shares) {
        const before = await own(tx)
          .selectFrom('serving_revision')
          .select('state')
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        const becomesLive = state === 'live' && before.state !== 'live'
        await own(tx)
          .updateTable('serving_revision')
          .set({ state, weight, shadow, ...(becomesLive ? { live_at: at } : {}) })
          .where('id', '=', id)
          .execute()
      }
    },

    async addTraffic(tx, deployment, { at, actor, reason, weights }) {
      // The number of the routes orders changes of one millisecond.
      const { value } = await own(tx)
        .selectFrom('serving_counter')
        .select('value')
        .where('name', '=', 'routes')
        .executeTakeFirstOrThrow()
      await own(tx)
        .insertInto('serving_traffic')
        .values({
          id: String(value).padStart(16, '0'),
          deployment,
          at,
          actor,
          reason,
          weights: JSON.stringify(weights),
        })
        .execute()
    },
  }
}

function readings(tables: Kysely<ServingTables>): Readings {
  return {
    async routesVersion() {
      return (
        await tables
          .selectFrom('serving_counter')
          .select('value')
          .where('name', '=', 'routes')
          .executeTakeFirstOrThrow()
      ).value
    },

    async deployment(name) {
      const row = await tables.selectFrom('serving_deployment').selectAll().where('name', '=', name).executeTakeFirst()
      return row && fromDeployment(row)
    },

    async deployments(project) {
      let query = tables.selectFrom('serving_deployment').selectAll().orderBy('name')
      if (project !== undefined) query = query.where('project', '=', project)
      return (await query.execute()).map(fromDeployment)
    },

    async revisions(deployments) {
      if (deployments.length === 0) return []
      const rows = await tables
        .selectFrom('serving_revision')
        .selectAll()
        .where('deployment', 'in', deployments)
        .where(isRecent)
        .orderBy('deployment')
        .orderBy('number', 'desc')
        .execute()
      return rows.map(fromRevision)
    },

    async revision(id) {
      const row = await tables.selectFrom('serving_revision').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRevision(row)
    },

    async revisionByKey(key) {
      const row = await tables.selectFrom('serving_revision').selectAll().where('key', '=', key).executeTakeFirst()
      return row && fromRevision(row)
    },

    async traffic(deployment, limit) {
      const rows = await tables
        .selectFrom('serving_traffic')
        .selectAll()
        .where('deployment', '=', deployment)
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(({ at, actor, reason, weights }): TrafficChange => ({
        at: at as Millis,
        actor,
        reason,
        weights: JSON.parse(weights),
      }))
    },

    async latencies(revisions) {
      const found = new Map<string, Map<number, number>>()
      if (revisions.length === 0) return found
      const rows = await tables
        .selectFrom('serving_latency')
        .selectAll()
        .where('revision', 'in', revisions)
        .orderBy('revision')
        .orderBy('bucket')
        .execute()
      for (const { revision, bucket, requests } of rows)
        found.set(revision, (found.get(revision) ?? new Map<number, number>()).set(bucket, requests))
      return found
    },

    async perMinute(deployment, since) {
      const rows = await tables
        .selectFrom('serving_minute')
        .select(eb => [
          'minute',
          eb.fn.sum<number>('requests').as('requests'),
          eb.fn.sum<number>('errors').as('errors'),
        ])
        .where('deployment', '=', deployment)
        .where('minute', '>=', since)
        .groupBy('minute')
        .orderBy('minute')
        .execute()
      return rows.map(({ minute, requests, errors }) => ({ at: minute, requests, errors }))
    },

    async guardMinutes({ canary, control, since }) {
      const pick = (revision: string, column: `split_${'requests' | 'errors' | 'invalid' | 'slow' | 'late'}`) =>
        sql<number>`coalesce(sum(case when revision = ${revision} then ${sql.ref(column)} end), 0)`
      const rows = await tables
        .selectFrom('serving_minute')
        .select([
          'minute',
          pick(canary, 'split_requests').as('canaryRequests'),
          pick(canary, 'split_errors').as('canaryErrors'),
          pick(canary, 'split_invalid').as('canaryInvalid'),
          pick(canary, 'split_slow').as('canarySlow'),
          pick(canary, 'split_late').as('canaryLate'),
          pick(control, 'split_requests').as('controlRequests'),
          pick(control, 'split_errors').as('controlErrors'),
          pick(control, 'split_slow').as('controlSlow'),
          pick(control, 'split_late').as('controlLate'),
        ])
        .where('revision', 'in', [canary, control])
        .where('minute', '>=', since)
        .groupBy('minute')
        .orderBy('minute')
        .execute()
      return rows.map(row => ({ ...row }))
    },
  }
}

/** The last revisions, those with traffic, and the one that was live last: what is before them is history. */
const isRecent = sql<boolean>`(weight > 0 or shadow > 0
  or number > (select max(number) - 50 from serving_revision as newer where newer.deployment = serving_revision.deployment)
  or live_at = (select max(live_at) from serving_revision as other where other.deployment = serving_revision.deployment and other.state = 'retired'))`

const fromDeployment = ({ created_at, ...same }: Selectable<ServingTables['serving_deployment']>): DeploymentRow => ({
  ...same,
  createdAt: created_at,
})

const fromRevision = (row: Selectable<ServingTables['serving_revision']>): RevisionRow => ({
  id: row.id as RevisionRow['id'],
  deployment: row.deployment,
  number: row.number,
  version: row.version,
  versionNumber: row.version_number,
  bundle: row.bundle as Digest,
  state: row.state as RevisionState,
  weight: row.weight,
  shadow: row.shadow,
  requests: row.requests,
  errors: row.errors,
  errorStreak: row.error_streak,
  liveAt: row.live_at ?? undefined,
  createdAt: row.created_at as Millis,
})
