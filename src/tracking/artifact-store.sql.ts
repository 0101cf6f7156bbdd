import { sql, type Kysely, type Transaction } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import { toPage } from '#kernel/page.ts'
import { inside, type AnyTx, type Db } from '#storage'
import { ancestorsOf, below, nameOf, parentOf } from './artifact-path.ts'
import { rootOf, type ArtifactFile, type ArtifactOwner } from './artifact.ts'
import type { ArtifactStore } from './artifact-store.ts'
import type { ArtifactTables } from './artifact-tables.ts'

type Tx = Transaction<ArtifactTables>

/** Artifacts in SQL: one text for SQLite and PostgreSQL. A directory is found by its parent: no listing reads deeper. */
export function sqlArtifactStore(db: Db): ArtifactStore {
  const tables = db.withTables<ArtifactTables>()
  const own = (tx: AnyTx): Tx => inside<ArtifactTables>(tx)

  return {
    put: (tx, file, owner) => putFile(own(tx), file, owner),

    async remove(tx, path, at) {
      const entry = await entryAt(own(tx), path)
      if (entry?.kind === 'file') await removeFile(own(tx), path, at)
      if (entry?.kind === 'directory') await removeDirectory(own(tx), path, at)
    },

    async find(path) {
      const entry = await entryAt(tables, path)
      return entry && (entry.kind === 'directory' ? 'directory' : toFile(entry))
    },

    async list(directory, { limit, after }) {
      let query = tables
        .selectFrom('artifact_entry')
        .select(['name', 'kind', 'size'])
        .where('parent', '=', directory)
        .orderBy('name')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('name', '>', after)
      const entries = (await query.execute()).map(row => ({ ...row }))
      return toPage(entries, limit, entry => entry.name)
    },

    async files(directory) {
      const rows = await withBelow(tables, directory)
        .selectFrom('artifact_entry')
        .innerJoin('below', 'below.path', 'artifact_entry.parent')
        .selectAll('artifact_entry')
        .where('kind', '=', 'file')
        .execute()
      return rows.map(toFile).toSorted((a, b) => (a.path < b.path ? -1 : 1))
    },

    async owners() {
      const { rows } = await ownersSql.execute(db)
      return rows.map(row => ({ ...row }))
    },

    async usage() {
      const rows = await tables
        .selectFrom('artifact_root')
        .select(eb => ['project', eb.fn.sum<number>('files').as('files'), eb.fn.sum<number>('bytes').as('bytes')])
        .where('files', '>', 0)
        .groupBy('project')
        .orderBy('project')
        .execute()
      return rows.map(row => ({ ...row }))
    },

    async secret(name, fresh) {
      await tables
        .insertInto('artifact_key')
        .values({ name, secret: fresh })
        .onConflict(c => c.column('name').doNothing())
        .execute()
      const key = tables.selectFrom('artifact_key').select('secret').where('name', '=', name)
      return (await key.executeTakeFirstOrThrow()).secret
    },

    async dropped(before, limit) {
      const rows = await tables
        .selectFrom('artifact_dropped')
        .selectAll()
        .where('at', '<', before)
        .orderBy('at')
        .limit(limit)
        .execute()
      return rows.map(({ digest, at }) => ({ digest: digest as Digest, at }))
    },

    async postpone(digests, before, at) {
      for (const some of inGroups(digests))
        await tables
          .updateTable('artifact_dropped')
          .set({ at })
          .where('digest', 'in', some)
          .where('at', '<', before)
          .execute()
    },

    async forget(digests, before) {
      for (const some of inGroups(digests))
        await tables.deleteFrom('artifact_dropped').where('digest', 'in', some).where('at', '<', before).execute()
    },

    async lease(owner, now, until) {
      const { numInsertedOrUpdatedRows: held } = await tables
        .insertInto('artifact_sweeper')
        .values({ name: 'sweep', owner, lease_until: until })
        .onConflict(c =>
          c
            .column('name')
            .doUpdateSet({ owner, lease_until: until })
            .where(eb =>
              eb.or([eb('artifact_sweeper.owner', '=', owner), eb('artifact_sweeper.lease_until', '<', now)]),
            ),
        )
        .executeTakeFirstOrThrow()
      return (held ?? 0n) > 0n
    },
  }
}

/** From experiment to experiment along the index: there are a thousand roots to one of them. */
const ownersSql = sql<ArtifactOwner>`
  with recursive known (experiment) as (
    select min(experiment) from artifact_root
    union all
    select (select min(root.experiment) from artifact_root as root where root.experiment > known.experiment)
    from known where known.experiment is not null
  ), held as (
    select experiment, (
      select project from artifact_root as root where root.experiment = known.experiment and root.files > 0 limit 1
    ) as project
    from known where experiment is not null
  )
  select project, experiment from held where project is not null order by experiment`

const digestsAtOnce = 500

function* inGroups(digests: readonly Digest[]): Generator<readonly Digest[]> {
  for (let at = 0; at < digests.length; at += digestsAtOnce) yield digests.slice(at, at + digestsAtOnce)
}

const entryAt = (reader: Kysely<ArtifactTables>, path: string) =>
  reader
    .selectFrom('artifact_entry')
    .selectAll()
    .where('parent', '=', parentOf(path))
    .where('name', '=', nameOf(path))
    .executeTakeFirst()

const toFile = (entry: ArtifactTables['artifact_entry']): ArtifactFile => ({
  path: below(entry.parent, entry.name),
  digest: entry.digest as Digest,
  size: entry.size,
  updatedAt: entry.updated_at as Millis,
})

async function putFile(tx: Tx, { path, digest, size, updatedAt }: ArtifactFile, owner: ArtifactOwner): Promise<void> {
  const root = await lockRoot(tx, rootOf(path), owner)
  const known = await chainOf(tx, path)
  const blocked = known.find(entry => (entry.path === path) !== (entry.kind === 'file'))
  if (blocked)
    throw invalid(blocked.path === path ? 'The path is a directory.' : 'A file is no directory.', [
      { field: 'path', value: path, allowed: `a path beside ${blocked.path}, which is a ${blocked.kind}` },
    ])
  const present = new Set(known.map(entry => entry.path))
  await putDirectories(
    tx,
    ancestorsOf(path).filter(directory => !present.has(directory)),
    updatedAt,
  )
  const before = known.find(entry => entry.path === path)
  await tx
    .insertInto('artifact_entry')
    .values({ parent: parentOf(path), name: nameOf(path), kind: 'file', digest, size, updated_at: updatedAt })
    .onConflict(c => c.columns(['parent', 'name']).doUpdateSet({ digest, size, updated_at: updatedAt }))
    .execute()
  if (before && before.digest !== digest) await drop(tx, before.digest!, updatedAt)
  await count(tx, root, before ? 0 : 1, size - (before?.size ?? 0))
}

/**
 * Holds a root until the transaction ends. Who makes one holds the directories above it too, so that nobody removes
 * them meanwhile: directories before roots is the order of all who hold both.
 */
async function lockRoot(tx: Tx, root: string, { project, experiment }: ArtifactOwner): Promise<string> {
  const known = await tx.selectFrom('artifact_root').select('files').where('root', '=', root).executeTakeFirst()
  if (!known || known.files === 0) await putDirectories(tx, [...ancestorsOf(root), root], 0)
  await tx
    .insertInto('artifact_root')
    .values({ root, experiment, project, files: 0, bytes: 0 })
    .onConflict(c => c.column('root').doUpdateSet(eb => ({ files: eb.ref('artifact_root.files') })))
    .execute()
  return root
}

/** What there is of a path and the directories above it. */
async function chainOf(tx: Tx, path: string) {
  const chain = [...ancestorsOf(path), path]
  const rows = await tx
    .selectFrom('artifact_entry')
    .select(['parent', 'name', 'kind', 'digest', 'size'])
    .where(eb => eb.or(chain.map(step => eb.and([eb('parent', '=', parentOf(step)), eb('name', '=', nameOf(step))]))))
    .execute()
  return rows.map(row => ({ ...row, path: below(row.parent, row.name) }))
}

/** Makes directories, or holds those that are there. */
async function putDirectories(tx: Tx, paths: readonly string[], at: number): Promise<void> {
  if (paths.length === 0) return
  await tx
    .insertInto('artifact_entry')
    .values(
      paths.map(path => ({
        parent: parentOf(path),
        name: nameOf(path),
        kind: 'directory' as const,
        digest: null,
        size: 0,
        updated_at: at,
      })),
    )
    .onConflict(c => c.columns(['parent', 'name']).doUpdateSet(eb => ({ kind: eb.ref('artifact_entry.kind') })))
    .execute()
}

async function removeFile(tx: Tx, path: string, at: number): Promise<void> {
  const root = rootOf(path)
  await count(tx, root, 0, 0)
  const [gone] = await tx
    .deleteFrom('artifact_entry')
    .where('parent', '=', parentOf(path))
    .where('name', '=', nameOf(path))
    .where('kind', '=', 'file')
    .returning(['digest', 'size'])
    .execute()
  if (!gone) return
  await drop(tx, gone.digest!, at)
  await count(tx, root, -1, -gone.size)
}

async function removeDirectory(tx: Tx, path: string, at: number): Promise<void> {
  const inner = rootOf(`${path}/file`)
  if (inner === path || isWide(path)) await putDirectories(tx, [path], at)
  const whole = await rootsWithin(tx, path)
  if (whole.length > 0) await tx.deleteFrom('artifact_root').where('root', 'in', whole).execute()
  else await count(tx, inner, 0, 0)
  const files = withBelow(tx, path)
    .selectFrom('artifact_entry')
    .innerJoin('below', 'below.path', 'artifact_entry.parent')
    .where('kind', '=', 'file')
  const { number, bytes } = await files
    .select(eb => [eb.fn.countAll<number>().as('number'), eb.fn.sum<number | null>('size').as('bytes')])
    .executeTakeFirstOrThrow()
  await withBelow(tx, path)
    .insertInto('artifact_dropped')
    .columns(['digest', 'at'])
    .expression(eb =>
      eb
        .selectFrom('artifact_entry')
        .innerJoin('below', 'below.path', 'artifact_entry.parent')
        .where('kind', '=', 'file')
        .select(e => [e.ref('digest').$notNull().as('digest'), sql<number>`cast(${at} as bigint)`.as('at')])
        .distinct(),
    )
    .onConflict(c => c.column('digest').doUpdateSet({ at }))
    .execute()
  await withBelow(tx, path)
    .deleteFrom('artifact_entry')
    .where('parent', 'in', eb => eb.selectFrom('below').select('path'))
    .execute()
  await tx.deleteFrom('artifact_entry').where('parent', '=', parentOf(path)).where('name', '=', nameOf(path)).execute()
  if (whole.length === 0) await count(tx, inner, -number, -(bytes ?? 0))
}

/** Whether there may be several roots below a directory. */
const isWide = (path: string): boolean => /^[^/]+(\/(models|traces))?$/.test(path)

/** The roots that a directory holds whole. */
async function rootsWithin(tx: Tx, path: string): Promise<readonly string[]> {
  let query = tx.selectFrom('artifact_root').select('root').orderBy('root')
  query = isWide(path) ? query.where('experiment', '=', path.split('/')[0]!) : query.where('root', '=', path)
  const rows = await query.execute()
  return rows.map(row => row.root).filter(root => root === path || root.startsWith(`${path}/`))
}

/** Changes what is counted of a root, and so holds it. */
const count = (tx: Tx, root: string, files: number, bytes: number) =>
  tx
    .updateTable('artifact_root')
    .set(eb => ({ files: eb('files', '+', files), bytes: eb('bytes', '+', bytes) }))
    .where('root', '=', root)
    .execute()

const drop = (tx: Tx, digest: string, at: number) =>
  tx
    .insertInto('artifact_dropped')
    .values({ digest, at })
    .onConflict(c => c.column('digest').doUpdateSet({ at }))
    .execute()

/** `below(path)`: a directory and all directories below it. */
const withBelow = (reader: Kysely<ArtifactTables>, path: string) =>
  reader.withRecursive('below(path)', query =>
    query.selectNoFrom(sql<string>`cast(${path} as text)`.as('path')).unionAll(
      query
        .selectFrom('artifact_entry as child')
        .innerJoin('below', 'below.path', 'child.parent')
        .where('child.kind', '=', 'directory')
        .select(sql<string>`child.parent || '/' || child.name`.as('path')),
    ),
  )
