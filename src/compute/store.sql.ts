import type { Kysely } from 'kysely'
import type { Digest } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import { inside, type Db } from '#storage'
import type { AttemptId } from '#workflow'
import type { LogPiece, NodeName, Remote, RemoteNode, RemoteStore } from './store.ts'
import type { ComputeTables } from './tables.ts'

type Row = ComputeTables['compute_remote']
type NodeRow = ComputeTables['compute_remote_node']

export function sqlRemoteStore(db: Db): RemoteStore {
  const tables = db.withTables<ComputeTables>()

  const ofNode = (own: Kysely<ComputeTables>, { attempt, rank, instance }: NodeName) =>
    own
      .updateTable('compute_remote_node')
      .where('attempt', '=', attempt)
      .where('rank', '=', rank)
      .where('instance', '=', instance)

  return {
    async open({ attempt, executor, assignment, at }) {
      const row: Row = {
        attempt,
        executor,
        job: null,
        assignment: JSON.stringify(assignment),
        stop: null,
        created_at: at,
        closed_at: null,
        log_from: null,
      }
      await tables
        .insertInto('compute_remote')
        .values(row)
        .onConflict(conflict => conflict.column('attempt').doNothing())
        .execute()
    },

    async find(attempt) {
      const row = await tables
        .selectFrom('compute_remote')
        .selectAll()
        .where('attempt', '=', attempt)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async openOf(executor) {
      const rows = await tables
        .selectFrom('compute_remote')
        .selectAll()
        .where('executor', '=', executor)
        .where('closed_at', 'is', null)
        .execute()
      return rows.map(fromRow)
    },

    async setJob(attempt, job) {
      await tables.updateTable('compute_remote').set({ job }).where('attempt', '=', attempt).execute()
    },

    async stop(attempt, reason) {
      await tables
        .updateTable('compute_remote')
        .set({ stop: reason })
        .where('attempt', '=', attempt)
        .where('stop', 'is', null)
        .execute()
    },

    async close(attempt, at) {
      await tables
        .updateTable('compute_remote')
        .set({ closed_at: at })
        .where('attempt', '=', attempt)
        .where('closed_at', 'is', null)
        .execute()
      await tables.deleteFrom('compute_remote_log').where('attempt', '=', attempt).execute()
    },

    async sweep(before) {
      const gone = await tables
        .deleteFrom('compute_remote')
        .where('closed_at', '<', before)
        .returning('attempt')
        .execute()
      for (const { attempt } of gone)
        for (const table of [
          'compute_remote_token',
          'compute_remote_node',
          'compute_remote_log',
          'compute_remote_output',
        ] as const)
          await tables.deleteFrom(table).where('attempt', '=', attempt).execute()
      return gone.length
    },

    async addToken({ expiresAt, ...token }) {
      await tables
        .insertInto('compute_remote_token')
        .values({ id: newId('ntk'), ...token, expires_at: expiresAt })
        .execute()
    },

    async ofToken(hash, now) {
      const row = await tables
        .selectFrom('compute_remote_token')
        .select(['attempt', 'sealed'])
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return row && { ...row }
    },

    async claim({ attempt, rank, instance, host, at }) {
      const row: NodeRow = {
        attempt,
        rank,
        instance,
        host: JSON.stringify(host),
        claimed_at: at,
        seen_at: at,
        log_received: 0,
        end: null,
      }
      await tables
        .insertInto('compute_remote_node')
        .values(row)
        .onConflict(conflict => conflict.columns(['attempt', 'rank']).doNothing())
        .execute()
      const { numUpdatedRows } = await ofNode(tables, row).set({ seen_at: at }).executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },

    async nodes(attempt) {
      const rows = await tables
        .selectFrom('compute_remote_node')
        .selectAll()
        .where('attempt', '=', attempt)
        .orderBy('rank')
        .execute()
      return rows.map(nodeFromRow)
    },

    async seen(node, at) {
      const { numUpdatedRows } = await ofNode(tables, node).set({ seen_at: at }).executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },

    appendLog: (node, { position, bytes }) =>
      db.transaction().execute(async tx => {
        const own = inside<ComputeTables>(tx)
        const received = await ofNode(own, node)
          .set(eb => ({ log_received: eb('log_received', '+', bytes.length) }))
          .where('log_received', '=', position)
          .returning('log_received')
          .executeTakeFirst()
        if (received && bytes.length > 0) {
          const { attempt, rank } = node
          await own
            .insertInto('compute_remote_log')
            .values({ attempt, rank, position, bytes: bytes.toString('base64') })
            .execute()
        }
        if (received) return Number(received.log_received)
        const known = await own
          .selectFrom('compute_remote_node')
          .select('log_received')
          .where('attempt', '=', node.attempt)
          .where('rank', '=', node.rank)
          .where('instance', '=', node.instance)
          .executeTakeFirst()
        return known && Number(known.log_received)
      }),

    async drainLog(attempt, limit, log) {
      const some = tables.selectFrom('compute_remote_log').select('rank').where('attempt', '=', attempt).limit(1)
      if ((await some.execute()).length === 0) return 0
      // Committed before anything is written: who dies in the midst leaves word of where to look.
      await tables
        .updateTable('compute_remote')
        .set({ log_from: await log.size() })
        .where('attempt', '=', attempt)
        .where('log_from', 'is', null)
        .execute()
      return db.transaction().execute(async tx => {
        const own = inside<ComputeTables>(tx)
        const next = own
          .selectFrom('compute_remote_log')
          .select(['rank', 'position'])
          .where('attempt', '=', attempt)
          .orderBy('rank')
          .orderBy('position')
          .limit(limit)
        const rows = await own
          .deleteFrom('compute_remote_log')
          .where('attempt', '=', attempt)
          .where(eb => eb(eb.refTuple('rank', 'position'), 'in', next.$asTuple('rank', 'position')))
          .returningAll()
          .execute()
        const pieces = rows.map(pieceFromRow).toSorted((a, b) => a.rank - b.rank || a.position - b.position)
        if (pieces.length === 0) return 0
        const remote = await own
          .selectFrom('compute_remote')
          .select('log_from')
          .where('attempt', '=', attempt)
          .executeTakeFirst()
        await log.write(pieces, remote?.log_from ?? (await log.size()))
        await own.updateTable('compute_remote').set({ log_from: null }).where('attempt', '=', attempt).execute()
        return pieces.length
      })
    },

    async putOutput({ attempt, name, digest, size, files = null }) {
      await tables
        .insertInto('compute_remote_output')
        .values({ attempt, name, digest, size, files })
        .onConflict(conflict => conflict.columns(['attempt', 'name']).doUpdateSet({ digest, size, files }))
        .execute()
    },

    async outputs(attempt) {
      const rows = await tables.selectFrom('compute_remote_output').selectAll().where('attempt', '=', attempt).execute()
      return Object.fromEntries(
        rows.map(({ name, digest, size, files }) => [
          name,
          { digest: digest as Digest, size: Number(size), ...(files !== null && { files: Number(files) }) },
        ]),
      )
    },

    async end(node, end) {
      await ofNode(tables, node)
        .set({ end: JSON.stringify(end) })
        .where('end', 'is', null)
        .execute()
      const { numUpdatedRows } = await ofNode(tables, node)
        .set(eb => ({ seen_at: eb.ref('seen_at') }))
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}

const fromRow = ({ attempt, executor, job, assignment, stop, closed_at }: Row): Remote => ({
  attempt: attempt as AttemptId,
  executor,
  job: job ?? undefined,
  assignment: JSON.parse(assignment),
  stop: stop ?? undefined,
  isClosed: closed_at !== null,
})

const pieceFromRow = ({ rank, position, bytes }: ComputeTables['compute_remote_log']): LogPiece => ({
  rank: Number(rank),
  position: Number(position),
  bytes: Buffer.from(bytes, 'base64'),
})

const nodeFromRow = (row: NodeRow): RemoteNode => ({
  rank: Number(row.rank),
  host: JSON.parse(row.host),
  claimedAt: Number(row.claimed_at),
  seenAt: Number(row.seen_at),
  logReceived: Number(row.log_received),
  end: row.end === null ? undefined : JSON.parse(row.end),
})
