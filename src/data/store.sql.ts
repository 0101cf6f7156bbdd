import type { Selectable, Transaction, Updateable } from 'kysely'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import { inside, pageById, pageByVersion, type Db } from '#storage'
import type { Contract } from './contract.ts'
import type { DatasetVersion } from './dataset-version.ts'
import type { DataStore, SourceRecord } from './store.ts'
import type { DataTables } from './tables.ts'

type Tx = Transaction<DataTables>

/** Dataset versions in SQL, one text for SQLite and PostgreSQL. */
export function sqlDataStore(db: Db): DataStore {
  const tables = db.withTables<DataTables>()
  const versionsOf = (project: string, source: string) =>
    tables.selectFrom('dataset_version').selectAll().where('project', '=', project).where('source', '=', source)

  const newestOf = (project: string, source: string) => versionsOf(project, source).orderBy('version', 'desc')

  const store: DataStore = {
    transaction: work => db.transaction().execute(work),

    append: (tx, draft) => append(inside(tx), draft),

    async find(id) {
      const row = await tables.selectFrom('dataset_version').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async latest(project, source) {
      const row = await newestOf(project, source).limit(1).executeTakeFirst()
      return row && fromRow(row)
    },

    async latestKept(project, source, below) {
      const kept = newestOf(project, source).where('verdict', '=', 'kept').where('version', '<', below)
      const row = await kept.limit(1).executeTakeFirst()
      return row && fromRow(row)
    },

    versions: (project, source, page) => pageByVersion(versionsOf(project, source), page, fromRow),

    ofProject: (project, page) =>
      pageById(tables.selectFrom('dataset_version').selectAll().where('project', '=', project), page, fromRow),

    async judge(tx, id, { verdict, violations, key }) {
      const { numUpdatedRows } = await inside<DataTables>(tx)
        .updateTable('dataset_version')
        .set({ verdict, violations: JSON.stringify(violations), validated_by: key })
        .where('id', '=', id)
        .where(eb =>
          eb.or([eb('validated_by', 'is', null), eb('validated_by', '<>', key), eb('verdict', '<>', verdict)]),
        )
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async source(project, source) {
      const row = await tables
        .selectFrom('data_source')
        .selectAll()
        .where('project', '=', project)
        .where('source', '=', source)
        .executeTakeFirst()
      return row ? recordOf(row) : { versions: 0 }
    },

    setContract: (tx, of, contract) => set(inside(tx), of, { contract: JSON.stringify(contract) }),
    setWatched: (tx, of, watched) => set(inside(tx), of, { watched }),

    async setArrival(tx, of, { digest, bytes, at }) {
      const before = await lock(inside(tx), of)
      await set(inside(tx), of, { arrived_digest: digest, arrived_bytes: bytes, arrived_at: at })
      return before.arrived_digest !== digest
    },

    isLatestRaw: async (project, source, digest) => (await store.latest(project, source))?.raw === digest,
  }
  return store
}

async function append(
  tx: Tx,
  draft: Omit<DatasetVersion, 'version'>,
): Promise<{ version: DatasetVersion; added: boolean }> {
  const { project, source } = draft
  const { last_version: last } = await lock(tx, { project, source })
  const latest = await tx
    .selectFrom('dataset_version')
    .selectAll()
    .where('project', '=', project)
    .where('source', '=', source)
    .where('version', '=', last)
    .executeTakeFirst()
  if (latest?.digest === draft.digest) return { version: fromRow(latest), added: false }
  const version: DatasetVersion = { ...draft, version: last + 1 }
  await tx.insertInto('dataset_version').values(toRow(version)).execute()
  await set(tx, draft, { last_version: version.version })
  return { version, added: true }
}

interface Of {
  readonly project: string
  readonly source: string
}

/** The source's row, held until the transaction ends: whoever comes second sees what the first has written. */
const lock = (tx: Tx, { project, source }: Of): Promise<Selectable<DataTables['data_source']>> =>
  tx
    .insertInto('data_source')
    .values({ project, source, last_version: 0 })
    .onConflict(conflict =>
      conflict.columns(['project', 'source']).doUpdateSet(eb => ({ last_version: eb.ref('data_source.last_version') })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()

async function set(tx: Tx, { project, source }: Of, values: Updateable<DataTables['data_source']>): Promise<void> {
  await lock(tx, { project, source })
  await tx.updateTable('data_source').set(values).where('project', '=', project).where('source', '=', source).execute()
}

const recordOf = (row: Selectable<DataTables['data_source']>): SourceRecord => ({
  versions: row.last_version,
  ...(row.contract === null ? {} : { contract: JSON.parse(row.contract) as Contract }),
  ...(row.arrived_digest === null
    ? {}
    : { arrival: { digest: row.arrived_digest as Digest, bytes: row.arrived_bytes!, at: row.arrived_at as Millis } }),
  ...(row.watched === null ? {} : { watched: row.watched }),
})

type VersionRow = Selectable<DataTables['dataset_version']>

const toRow = ({ columns, violations, raw, run, createdAt, ...version }: DatasetVersion): VersionRow => ({
  ...version,
  columns: JSON.stringify(columns),
  violations: JSON.stringify(violations),
  validated_by: null,
  raw: raw ?? null,
  run: run ?? null,
  created_at: createdAt,
})

const fromRow = (row: VersionRow): DatasetVersion => ({
  id: row.id as DatasetVersion['id'],
  project: row.project,
  source: row.source,
  version: row.version,
  digest: row.digest as Digest,
  ...(row.raw === null ? {} : { raw: row.raw as Digest }),
  origin: row.origin,
  rows: row.rows,
  bytes: row.bytes,
  columns: JSON.parse(row.columns) as DatasetVersion['columns'],
  verdict: row.verdict as DatasetVersion['verdict'],
  violations: JSON.parse(row.violations) as DatasetVersion['violations'],
  ...(row.run === null ? {} : { run: row.run }),
  createdAt: row.created_at as Millis,
})
