import type { Kysely, Selectable, Transaction } from 'kysely'
import { toPage } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { HourLatency, MinuteCounts, RevisionCounts, SegmentRow, ServingStore } from './store.ts'
import type { ServingTables } from './tables.ts'

type Own = Transaction<ServingTables>
type LogIndex = Pick<
  ServingStore,
  | 'ingest'
  | 'ingested'
  | 'forgetIngested'
  | 'addSegment'
  | 'removeSegments'
  | 'addCounts'
  | 'recentLatencies'
  | 'forgetLatencies'
  | 'segments'
  | 'segmentsWithIds'
  | 'smallSegments'
  | 'expiredSegments'
  | 'logFiles'
>

/** The part of the store that knows which files the prediction log consists of, and counts what is in them. */
export function sqlLogIndex(tables: Kysely<ServingTables>, own: (tx: AnyTx) => Own): LogIndex {
  return {
    async ingest(tx, segments, at) {
      const inserted = await own(tx)
        .insertInto('serving_ingested')
        .values(segments.map(segment => ({ segment, at })))
        .onConflict(c => c.doNothing())
        .returning('segment')
        .execute()
      return inserted.length === segments.length
    },

    async ingested(segments) {
      if (segments.length === 0) return new Set()
      const rows = await tables
        .selectFrom('serving_ingested')
        .select('segment')
        .where('segment', 'in', segments)
        .execute()
      return new Set(rows.map(({ segment }) => segment))
    },

    async forgetIngested(before) {
      await tables.deleteFrom('serving_ingested').where('at', '<', before).execute()
    },

    async addSegment(tx, segment) {
      await own(tx).insertInto('serving_segment').values(toRow(segment)).execute()
    },

    async removeSegments(tx, deployment, files) {
      await own(tx)
        .deleteFrom('serving_segment')
        .where('deployment', '=', deployment)
        .where('file', 'in', files)
        .execute()
    },

    async addCounts(tx, minutes, revisions) {
      for (const counts of minutes) await addMinute(own(tx), counts)
      for (const counts of revisions) await addRevisionCounts(own(tx), counts)
      for (const { revision, recent } of revisions) await addRecent(own(tx), revision, recent)
    },

    async recentLatencies(hour) {
      const rows = await tables
        .selectFrom('serving_recent_latency as latency')
        .innerJoin('serving_revision as live', 'live.id', 'latency.revision')
        .innerJoin('serving_revision as canary', 'canary.deployment', 'live.deployment')
        .select(eb => ['live.deployment', 'bucket', eb.fn.sum<number>('latency.requests').as('requests')])
        .where('live.state', '=', 'live')
        .where('canary.state', '=', 'canary')
        .where('hour', '>=', hour)
        .groupBy(['live.deployment', 'bucket'])
        .execute()
      const found = new Map<string, Map<number, number>>()
      for (const { deployment, bucket, requests } of rows)
        found.set(deployment, (found.get(deployment) ?? new Map<number, number>()).set(bucket, Number(requests)))
      return found
    },

    async forgetLatencies(hour) {
      await tables.deleteFrom('serving_recent_latency').where('hour', '<', hour).execute()
    },

    async segments({ deployment, from, to, order = 'event_time' }, { limit, after }) {
      const latest = order === 'arrival' ? 'id_to' : 'event_to'
      let query = tables.selectFrom('serving_segment').selectAll().where('deployment', '=', deployment)
      if (from !== undefined) query = query.where('event_to', '>=', from)
      if (to !== undefined) query = query.where('event_from', '<', to)
      if (after !== undefined) {
        const [text, file] = splitCursor(after)
        const value = order === 'arrival' ? text : Number(text)
        query = query.where(eb =>
          eb.or([eb(latest, '<', value), eb.and([eb(latest, '=', value), eb('file', '<', file)])]),
        )
      }
      const rows = await query
        .orderBy(latest, 'desc')
        .orderBy('file', 'desc')
        .limit(limit + 1)
        .execute()
      const { items, ...rest } = toPage(rows, limit, row => `${row[latest]} ${row.file}`)
      return { items: items.map(fromRow), ...rest }
    },

    async segmentsWithIds(from, to) {
      const rows = await tables
        .selectFrom('serving_segment')
        .selectAll()
        .where('id_to', '>=', from)
        .where('id_from', '<=', to)
        .orderBy('id_to')
        .orderBy('file')
        .execute()
      return rows.map(fromRow)
    },

    async logFiles() {
      const rows = await tables
        .selectFrom('serving_segment')
        .innerJoin('serving_deployment', 'name', 'deployment')
        .select(['project', 'file'])
        .execute()
      return rows.map(row => ({ ...row }))
    },

    async smallSegments(deployment, rowsMax, limit) {
      const small = tables
        .selectFrom('serving_segment')
        .where('deployment', '=', deployment)
        .where('rows', '<', rowsMax)
      const { count } = await small.select(eb => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
      if (count <= limit) return { count, oldest: [] }
      const oldest = await small.selectAll().orderBy('id_to').limit(limit).execute()
      return { count, oldest: oldest.map(fromRow) }
    },

    async expiredSegments({ before, deployment }, limit) {
      let query = tables.selectFrom('serving_segment').selectAll().where('received_to', '<', before)
      if (deployment !== undefined) query = query.where('deployment', '=', deployment)
      return (await query.orderBy('id_to').limit(limit).execute()).map(fromRow)
    },
  }
}

function splitCursor(cursor: string): [string, string] {
  const space = cursor.indexOf(' ')
  return [cursor.slice(0, space), cursor.slice(space + 1)]
}

async function addMinute(
  own: Own,
  { deployment, revision, minute, requests, errors, ...split }: MinuteCounts,
): Promise<void> {
  await own
    .insertInto('serving_minute')
    .values({
      deployment,
      revision,
      minute,
      requests,
      errors,
      split_requests: split.splitRequests,
      split_errors: split.splitErrors,
      split_invalid: split.splitInvalid,
      split_slow: split.splitSlow,
      split_late: split.splitLate,
    })
    .onConflict(c =>
      c.columns(['revision', 'minute']).doUpdateSet(eb => ({
        requests: eb('serving_minute.requests', '+', requests),
        errors: eb('serving_minute.errors', '+', errors),
        split_requests: eb('serving_minute.split_requests', '+', split.splitRequests),
        split_errors: eb('serving_minute.split_errors', '+', split.splitErrors),
        split_invalid: eb('serving_minute.split_invalid', '+', split.splitInvalid),
        split_slow: eb('serving_minute.split_slow', '+', split.splitSlow),
        split_late: eb('serving_minute.split_late', '+', split.splitLate),
      })),
    )
    .execute()
}

async function addRevisionCounts(
  own: Own,
  { revision, requests, errors, trailingErrors, hasSuccess, latency }: RevisionCounts,
): Promise<void> {
  await own
    .updateTable('serving_revision')
    .set(eb => ({
      requests: eb('requests', '+', requests),
      errors: eb('errors', '+', errors),
      error_streak: hasSuccess ? eb.val(trailingErrors) : eb('error_streak', '+', trailingErrors),
    }))
    .where('id', '=', revision)
    .execute()
  for (const [bucket, count] of latency) {
    await own
      .insertInto('serving_latency')
      .values({ revision, bucket, requests: count })
      .onConflict(c =>
        c.columns(['revision', 'bucket']).doUpdateSet(eb => ({ requests: eb('serving_latency.requests', '+', count) })),
      )
      .execute()
  }
}

async function addRecent(own: Own, revision: string, recent: readonly HourLatency[]): Promise<void> {
  if (recent.length === 0) return
  await own
    .insertInto('serving_recent_latency')
    .values(recent.map(each => ({ revision, ...each })))
    .onConflict(c =>
      c.columns(['revision', 'hour', 'bucket']).doUpdateSet(eb => ({
        requests: eb('serving_recent_latency.requests', '+', eb.ref('excluded.requests')),
      })),
    )
    .execute()
}

const toRow = ({ deployment, file, rows, ...ranges }: SegmentRow): ServingTables['serving_segment'] => ({
  deployment,
  file,
  rows,
  event_from: ranges.eventFrom,
  event_to: ranges.eventTo,
  id_from: ranges.idFrom,
  id_to: ranges.idTo,
  received_to: ranges.receivedTo,
})

const fromRow = ({ deployment, file, rows, ...ranges }: Selectable<ServingTables['serving_segment']>): SegmentRow => ({
  deployment,
  file,
  rows,
  eventFrom: ranges.event_from,
  eventTo: ranges.event_to,
  idFrom: ranges.id_from,
  idTo: ranges.id_to,
  receivedTo: ranges.received_to,
})
