import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { onnxFiles, packBundle } from '#serving'
import { fsBlobs, putTree, referredTo, type Db } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { canonicalJson } from '#kernel/json.ts'
import { blobReferences } from './blob-references.ts'
import { migrations } from './migrations.ts'

/** What keeps bytes from being freed, over the tables that the platform really has. */

const live = new AbortController().signal

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
}

async function columnsOf(db: Db, engine: string): Promise<readonly Column[]> {
  const query =
    engine === 'postgres'
      ? sql<Column>`select table_name as "table", column_name as name, data_type as type, is_nullable = 'NO' as "isRequired"
          from information_schema.columns where table_schema = current_schema()`
      : sql<Column>`select m.name as "table", c.name, lower(c.type) as type, c."notnull" or c.pk as "isRequired"
          from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite%'`
  return (await query.execute(db)).rows
}

/** Rows that no component would write: what a row refers to is not there. */
async function insert(db: Db, engine: string, rows: readonly { table: string; values: Record<string, unknown> }[]) {
  if (engine === 'sqlite') await sql`pragma foreign_keys = off`.execute(db)
  await db.transaction().execute(async tx => {
    if (engine === 'postgres') await sql`set local session_replication_role = replica`.execute(tx)
    for (const { table, values } of rows)
      await sql`insert into ${sql.table(table)} (${sql.join(Object.keys(values).map(name => sql.ref(name)))})
        values (${sql.join(Object.values(values))})`.execute(tx)
  })
}

let last = 1_000
const isText = ({ type }: Column): boolean => /text|char|json|blob|bytea/.test(type)
const filler = (column: Column): unknown => (isText(column) ? (/json/.test(column.type) ? '{}' : `x${++last}`) : ++last)

/** A row of a table with one value given, and something in every column that must have something. */
const rowOf = (columns: readonly Column[], given: Record<string, unknown>): Record<string, unknown> => ({
  ...Object.fromEntries(columns.filter(({ isRequired }) => isRequired).map(column => [column.name, filler(column)])),
  ...given,
})

for (const engine of testEngines()) {
  const open = async (t: TestContext) => {
    const root = await mkdtemp(join(tmpdir(), 'trainyard-references-'))
    t.after(() => rm(root, { recursive: true }))
    const [db, blobs] = [await engine.open(t, migrations), fsBlobs(join(root, 'blobs'))]
    const tables = Map.groupBy(await columnsOf(db, engine.name), ({ table }) => table)
    const ask = async (...digests: readonly Digest[]): Promise<readonly Digest[]> => [
      ...(await referredTo({ db, blobs, ...blobReferences }, new Set(digests), live)),
    ]
    const say = (table: string, given: Record<string, unknown>): Promise<void> =>
      insert(db, engine.name, [{ table, values: rowOf(tables.get(table)!, given) }])
    return { root, db, blobs, tables, ask, say }
  }

  test(`${engine.name}: a digest in any text column of any table of the platform is found`, async t => {
    const { db, tables, ask } = await open(t)
    const { except } = blobReferences
    const asked = new Map<Digest, string>()
    const rows = []
    for (const [table, columns] of tables) {
      if (except.includes(table)) continue
      for (const column of columns.filter(isText)) {
        const digest = digestOf(`${table}.${column.name}`)
        asked.set(digest, `${table}.${column.name}`)
        const value = /json/.test(column.type) ? JSON.stringify({ digest }) : digest
        rows.push({ table, values: rowOf(columns, { [column.name]: value }) })
      }
    }
    await insert(db, engine.name, rows)

    const found = await ask(...asked.keys())

    assert.ok(asked.size > 300, `${asked.size} columns`)
    assert.deepEqual(
      [...asked].filter(([digest]) => !found.includes(digest)).map(([, column]) => column),
      [],
    )
  })

  test(`${engine.name}: files of code, bundles, versions, evaluations and tasks are found through what names them`, async t => {
    const { root, blobs, tables, ask, say } = await open(t)
    await writeFile(join(root, 'train.py'), 'code')
    const kept = new Map<string, Digest>()
    const keep = (what: string, digest: Digest): Digest => {
      kept.set(what, digest)
      return digest
    }
    const file = async (what: string) => keep(what, (await blobs.put(what)).digest)

    keep('file of code', digestOf('code'))
    await say('project_revision', { code: await putTree(blobs, root) })
    const bundle = await packBundle(blobs, {
      model: await onnxFiles(blobs, await file('model in a bundle')),
      code: { 'serve.ts': { digest: await file('code in a bundle'), size: 1, executable: false } },
      manifest: {
        project: 'rain',
        model: 'umbrella',
        version: 'mdv_1',
        number: 1,
        signature: { inputs: [], outputs: [] },
        service: null,
        golden: [],
      },
    })
    await say('serving_revision', { bundle })
    const folder = { MLmodel: { digest: await file('file of a version'), size: 1, executable: false } }
    await say('registry_version', { digest: (await blobs.put(canonicalJson(folder))).digest })
    const evaluation = { test: await file('test data of an evaluation'), model: await file('model of an evaluation') }
    await say('registry_evaluation', { digest: (await blobs.put(canonicalJson(evaluation))).digest })
    await say('workflow_task', {
      outputs: JSON.stringify({ model: { digest: await file('output of a task'), size: 1 } }),
    })
    await blobs.put(canonicalJson({ f: { digest: await file('unnamed'), size: 1, executable: false } }))
    kept.delete('unnamed')
    // What tells of the past keeps nothing: a deleted version, what was said of it, what was announced.
    await say('registry_version', { digest: digestOf('of a deleted version'), deleted_at: 1 })
    for (const table of blobReferences.except)
      for (const { name } of tables.get(table)!.filter(isText)) await say(table, { [name]: digestOf('of the past') })
    const past = [digestOf('of a deleted version'), digestOf('of the past')]

    assert.deepEqual(
      (await ask(...kept.values(), digestOf('unnamed'), ...past)).toSorted(),
      [...kept.values()].toSorted(),
    )
  })
}

test('every kind of blob that the platform writes is known to those who free bytes', async () => {
  const writers = []
  const source = join(import.meta.dirname, '..')
  for (const path of await readdir(source, { recursive: true })) {
    if (!path.endsWith('.ts') || /\.test\.ts$|testing|contract|^demo\//.test(path)) continue
    const code = await readFile(join(source, path), 'utf8')
    if (/\bblobs\.put(File)?\(|\bputTree\(/.test(code)) writers.push(path)
  }

  // JSON that names other blobs is followed, whoever wrote it (storage/blob-names.ts). A new kind that names blobs in
  // any other form must be taught there before it stands here.
  assert.deepEqual(writers.toSorted(), [
    'cli/commands/project.ts', // trees of code, over HTTP
    'compute/checkpoints.ts', // trees of bytes of users
    'compute/node-desk.ts', // outputs and checkpoints of tasks on other machines, and what they have measured: bytes of users, trees
    'compute/work-folder.ts', // outputs of tasks: bytes of users
    'data/data.ts', // uploads: bytes of users
    'data/ingest.ts', // Parquet
    'data/raw-data.ts', // files and query results
    'data/tasks.ts', // reports of contracts: JSON, names nothing
    'data/watch.ts', // files
    'delivery/ci.ts', // project files: JSON, names nothing
    'delivery/code.ts', // trees of code
    'delivery/conversion.ts', // ONNX files, and trees that are converted
    'delivery/registered.ts', // lock files, and trees that go into bundles
    'features/compute.ts', // Parquet
    'features/split.ts', // Parquet
    'features/training-set.ts', // Parquet
    'monitoring/references.ts', // references: JSON, names nothing
    'project/blob-routes.ts', // trees and files that clients send
    'project/projects.ts', // the empty tree
    'registry/sources.ts', // trees: the files of a version
    'registry/tasks.ts', // evaluations: JSON, name model and test data
    'registry/version-files.ts', // texts beside an ONNX model
    'serving/batch-progress.ts', // answers: JSON lines, name nothing; their trees
    'serving/batch.ts',
    'serving/bundle.ts', // trees: bundles
    'storage/tree.ts', // trees
    'tracking/artifacts.ts', // bytes of users
    'workflow/fan-out.ts', // lists of values, and trees
  ])
})
