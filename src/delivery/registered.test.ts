import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrainyardError } from '#kernel/error.ts'
import { canonicalJson } from '#kernel/json.ts'
import { newId } from '#kernel/id.ts'
import { sqlModelStore, type ModelVersion } from '#registry'
import { readTree } from '#storage'
import { openBench, type Bench } from './testing.ts'

/** What a client of MLflow has registered, in a project that declares nothing. */

const mlmodel = 'flavors:\n  python_function: {loader_module: mlflow.sklearn}\n  sklearn: {pickled_model: model.pkl}\n'
const signature = {
  inputs: [{ name: 'age', datatype: 'FP64', shape: [-1, 1] }],
  outputs: [{ name: 'output', datatype: 'INT64', shape: [-1, 1] }],
}
const files = { MLmodel: mlmodel, 'requirements.txt': 'scikit-learn==1.9.1\n', 'model.pkl': 'a pickle' }

async function registered(
  { db, blobs }: Bench,
  {
    texts = files,
    ...change
  }: { texts?: Readonly<Record<string, string>> } & Partial<
    Pick<ModelVersion, 'signature' | 'content' | 'digest'>
  > = {},
): Promise<ModelVersion> {
  const store = sqlModelStore(db)
  const tree = await Promise.all(
    Object.entries(texts).map(
      async ([path, text]) => [path, { ...(await blobs.put(text)), executable: false }] as const,
    ),
  )
  const { digest } = await blobs.put(canonicalJson(Object.fromEntries(tree)))
  return db.transaction().execute(tx =>
    store.append(tx, {
      id: newId('mdv'),
      project: 'default',
      model: 'rain',
      stage: 'candidate',
      content: 'folder',
      digest,
      bytes: 1,
      flavor: 'sklearn',
      source: 'runs:/1/model',
      signature,
      description: '',
      tags: {},
      user: 'ada',
      createdAt: 1 as never,
      ...change,
    }),
  )
}

const release = ({ delivery }: Bench, version: ModelVersion, deployment = 'rain') =>
  delivery.release({ project: 'default', deployment, version: version.id, weight: 20, actor: 'ada', reason: 'A try.' })

async function ended({ workflow }: Bench, run: string | undefined) {
  await workflow.settled(run as never, { timeoutMs: 60_000 })
  return (await workflow.run(run as never)).state
}

test('a registered version goes to production and into a deployment that nobody declared, once', async t => {
  const bench = await openBench(t)
  const version = await registered(bench)

  const run = await release(bench, version)
  const again = await release(bench, version)

  assert.equal(await ended(bench, run), 'succeeded')
  assert.equal(again, run)
  assert.equal((await bench.registry.version(version.id)).stage, 'production')
  const [bundle] = bench.rehearsal.bundles
  const tree = await readTree(bench.blobs, bundle!)
  assert.deepEqual(Object.keys(tree).toSorted(), [
    'bundle.json',
    'model/MLmodel',
    'model/model.pkl',
    'model/requirements.txt',
    'requirements.lock',
  ])
  const manifest = JSON.parse((await bench.blobs.bytes(tree['bundle.json']!.digest)).toString()) as Record<
    string,
    unknown
  >
  assert.deepEqual(manifest['runtime'], {
    kind: 'python',
    loader: 'sklearn',
    file: 'model.pkl',
    lock: 'requirements.lock',
  })
  assert.deepEqual(manifest['golden'], [{ inputs: { age: 0 }, outputs: { output: 1 } }])
  assert.equal(await release(bench, version), undefined)
})

test('a second version is a canary with the share that was asked for', async t => {
  const bench = await openBench(t)
  await ended(bench, await release(bench, await registered(bench)))

  await release(bench, await registered(bench, { texts: { ...files, 'model.pkl': 'another' } }))
  while (bench.serving.revisions.length < 2) await new Promise(resolve => setTimeout(resolve, 20))

  assert.deepEqual(
    bench.serving.revisions.map(({ state, weight }) => [state, weight]),
    [
      ['canary', 20],
      ['live', 100],
    ],
  )
})

for (const { what, change, says } of [
  { what: 'whose files are elsewhere', change: { content: 'none' as const }, says: /has no files here/ },
  { what: 'without a signature', change: { signature: undefined }, says: /cannot be deployed/ },
  {
    what: 'that takes an array',
    change: { signature: { ...signature, inputs: [{ name: 'input', datatype: 'FP64', shape: [-1, 4] }] } },
    says: /cannot be deployed/,
  },
])
  test(`a version ${what} is refused before anything moves`, async t => {
    const bench = await openBench(t)
    const version = await registered(bench, change)

    await assert.rejects(release(bench, version), says)

    assert.equal((await bench.registry.version(version.id)).stage, 'candidate')
  })

test('a folder that Python makes no model of fails its bundle, in words', async t => {
  const bench = await openBench(t)
  const run = await release(bench, await registered(bench, { texts: { MLmodel: 'flavors: {r: {}}' } }))

  assert.equal(await ended(bench, run), 'failed')
  const [task] = await bench.workflow.tasks(run as never)
  assert.match(JSON.stringify(task), /pytorch or python_function, as MLflow writes them/)
})

test('a deployment answers with one model', async t => {
  const bench = await openBench(t)
  await ended(bench, await release(bench, await registered(bench)))
  const { db, blobs } = bench
  const other = await registered({ ...bench, db, blobs })
  const renamed = { ...other, id: newId('mdv') as never }
  await db.transaction().execute(tx => sqlModelStore(db).append(tx, { ...renamed, model: 'other' } as never))

  await assert.rejects(release(bench, renamed), (error: TrainyardError) =>
    /answers with rain, not with other/.test(error.message),
  )
})
