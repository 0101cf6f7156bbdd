import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { OpenLineageOut } from '#metadata'
import { createOpenLineageFeed, sendOpenLineage } from './openlineage.ts'
import { openBed, task, type TestBed } from '../workflow/testing.ts'

/** A workflow of two tasks: the first makes a dataset version, the second reads it and fails when told to. */
async function open(t: TestContext): Promise<TestBed> {
  const bed: TestBed = await openBed(t, {
    handlers: {
      async make() {
        const node = { id: 'dsv_1', kind: 'dataset_version', label: 'weather', project: 'rain' } as const
        await bed.db.transaction().execute(tx => bed.ledger.record(tx, { ...node, facts: { digest: 'ab'.repeat(32) } }))
        return { outputs: { dataset: { ref: 'dsv_1' } } }
      },
      use: async () => {
        throw new Error('no')
      },
    },
  })
  return bed
}

const tasks = {
  make: task('make', { outputs: ['dataset'] }),
  use: task('use', { inputs: { dataset: 'make.dataset' } }),
}

interface Said extends OpenLineageOut {
  eventType?: string
  run?: { runId: string; facets: Record<string, { message?: string; run?: { runId: string } }> }
  job?: { namespace: string; name: string }
  inputs?: { name: string }[]
  outputs?: { name: string; facets: { version: { datasetVersion: string } } }[]
  dataset?: { name: string }
}

test('runs, tasks and what they read and made are told as OpenLineage tells them, the same at each asking', async t => {
  const bed = await open(t)
  const run = await bed.run(tasks)
  const feed = createOpenLineageFeed(bed)
  const ask = async (): Promise<readonly Said[]> =>
    (await Promise.all((await bed.outbox.after(0, 100)).map(event => feed.of(event)))).flat() as Said[]

  const said = await ask()

  assert.deepEqual(
    said.map(({ eventType, job, dataset, inputs, outputs }) => [
      eventType,
      job?.name ?? dataset?.name,
      inputs?.map(({ name }) => name),
      outputs?.map(({ name, facets }) => [name, facets.version.datasetVersion]),
    ]),
    [
      ['START', 'test', [], []],
      ['START', 'test.make', [], []],
      ['COMPLETE', 'test.make', [], [['dsv_1', 'ab'.repeat(32)]]],
      [undefined, 'dsv_1', undefined, undefined],
      ['START', 'test.use', ['dsv_1'], []],
      ['FAIL', 'test.use', ['dsv_1'], []],
      ['FAIL', 'test', [], []],
    ],
  )
  const failed = said[5]!.run!
  assert.deepEqual(
    [failed.facets['parent']?.run?.runId, failed.facets['errorMessage']?.message, said[0]!.job?.namespace, await ask()],
    [run.id.slice(4), 'no', 'trainyard/rain', said],
  )
})

test('a receiver that is away gets every event once it is back, in order; what it refuses is passed over', async t => {
  const bed = await open(t)
  const got: string[] = []
  const answers = [500, 503, 422]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => (body += chunk))
    request.on('end', () => {
      const { eventType = 'DATASET', job } = JSON.parse(body) as Said
      const status = answers.shift() ?? 201
      got.push(`${status} ${eventType} ${job?.name ?? ''}`.trim())
      response.writeHead(status).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lineage`
  const warnings: object[] = []
  const stop = sendOpenLineage(
    { ...bed, feed: createOpenLineageFeed(bed), url, warn: facts => void warnings.push(facts) },
    5,
  )
  await bed.run(tasks)

  bed.outbox.start()
  await bed.outbox.settled()
  stop()
  await bed.outbox.stop()

  assert.deepEqual(got, [
    '500 START test',
    '503 START test',
    '422 START test',
    '201 START test.make',
    '201 COMPLETE test.make',
    '201 DATASET',
    '201 START test.use',
    '201 FAIL test.use',
    '201 FAIL test',
  ])
  assert.equal(warnings.length, 3)
})

test('a receiver that never comes back does not keep the platform from stopping', { timeout: 60_000 }, async t => {
  const bed = await open(t)
  const stop = sendOpenLineage({ ...bed, feed: createOpenLineageFeed(bed), url: 'http://127.0.0.1:9/', warn: () => {} })
  await bed.run(tasks)
  bed.outbox.start()
  await new Promise(resolve => setTimeout(resolve, 100))

  stop()
  await bed.outbox.stop()
})
