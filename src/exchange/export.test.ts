import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { createDuckdb, literal, type Row } from '#storage'
import { exportBlobs } from './export-blobs.ts'
import { exportLedger } from './export.ts'
import type { CarriedFile, CarriedRun, CarriedTrace, Source } from './record.ts'

const run: CarriedRun = {
  id: 'r1',
  name: 'r',
  user: '',
  status: 'FINISHED',
  lifecycle: 'active',
  startedAt: 1,
  params: [],
  tags: [],
  datasets: [],
  links: [],
}
const progress = { begin() {}, run() {}, trace() {}, points() {}, bytes() {} }

const sourceWith = (path: string): Source => ({
  name: 'memory',
  async *experiments() {
    yield { id: '1', name: 'e', lifecycle: 'active', createdAt: 1, updatedAt: 1, tags: [] }
  },
  async *runs() {
    yield [run]
  },
  async *points() {},
  async *files(): AsyncIterable<CarriedFile> {
    yield { path, open: () => Promise.resolve(Readable.from([Buffer.from('x')])) }
  },
  async *loggedModels() {},
  async *modelFiles() {},
  async *traces() {},
  traceContent: async () => ({ spans: [], files: [] }),
  tracesOfRun: async () => [],
  async *evaluationDatasets() {},
  async *evaluationRecords() {},
  async *models() {},
  async *webhooks() {},
  async *users() {},
})

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'trainyard-export-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

test('a path from a server never leads out of the folder', async t => {
  const around = await folder(t)
  for (const path of ['../../../../../evil', '/evil', 'a/../../../../../../evil', '..', '.'])
    await assert.rejects(exportLedger(sourceWith(path), join(around, `out ${path.replaceAll('/', '_')}`), { progress }))
  assert.ok(
    (await readdir(around, { recursive: true })).every(name => !name.endsWith('evil') || name.startsWith('out ')),
  )
})

test('what more there is to write is summed up with the rest', async t => {
  const out = join(await folder(t), 'new')
  const report = await exportLedger(sourceWith('a/b'), out, { progress, more: async () => ({ 'platform/x': 3 }) })
  assert.deepEqual([report.rows['runs'], report.rows['platform/x'], report.files, report.bytes], [1, 3, 1, 1])
  const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as { rows: unknown }
  assert.deepEqual(manifest.rows, report.rows)
  assert.match(await readFile(join(out, 'SHA256SUMS'), 'utf8'), /^[0-9a-f]{64} {2}artifacts\/1\/r1\/artifacts\/a\/b$/m)
})

test('traces are taken along with spans, assessments, files and links, times to the nanosecond and ids in hex', async t => {
  const out = join(await folder(t), 'out')
  const at = 1_700_000_000_123 as CarriedTrace['requestedAt']
  const said = { id: 'a-1', name: 'good', kind: 'feedback', value: '0.5', valid: false, createdAt: at, updatedAt: at }
  const trace = { id: 'tr-1', requestedAt: at, state: 'OK', metadata: { k: 'v' }, tags: {}, assessments: [said] }
  const span = { span_id: 'AQEBAQEBAQE=', name: 'root', start_time_unix_nano: '1795916756540238832' }
  const file = { path: 'attachments/x', open: () => Promise.resolve(Readable.from([Buffer.from('png')])) }
  const record = { id: 'dr-1', inputs: { q: 1 }, outputs: null, createdAt: at, updatedAt: at }
  const source: Source = {
    ...sourceWith('a'),
    async *traces() {
      yield [trace as unknown as CarriedTrace]
    },
    traceContent: async () => ({ spans: [span], files: [file] }),
    tracesOfRun: async () => ['tr-1'],
    async *evaluationDatasets() {
      yield { id: 'd-1', name: 'cases', digest: '1', tags: {}, experimentIds: ['1'], createdAt: at, updatedAt: at }
    },
    async *evaluationRecords() {
      yield [record]
    },
  }

  const { rows } = await exportLedger(source, out, { progress })

  const duckdb = createDuckdb()
  t.after(() => duckdb.stop())
  const read = async (table: string, columns: string): Promise<readonly Row[]> =>
    duckdb.query([`select ${columns} from ${literal(join(out, `${table}.parquet`))}`])
  assert.deepEqual(
    [rows['traces'], await read('spans', 'span_id, parent_span_id, cast(start_time_unix_nano as varchar) as begun')],
    [1, [{ span_id: '01'.repeat(8), parent_span_id: null, begun: '1795916756540238832' }]],
  )
  assert.deepEqual(await read('assessments', 'trace_id, value, valid'), [
    { trace_id: 'tr-1', value: '0.5', valid: 'false' },
  ])
  assert.deepEqual(await read('trace_links', '*'), [{ run_id: 'r1', trace_id: 'tr-1' }])
  assert.deepEqual(await read('evaluation_records', 'dataset_id, inputs, outputs'), [
    { dataset_id: 'd-1', inputs: '{"q":1}', outputs: 'null' },
  ])
  assert.equal(await readFile(join(out, 'artifacts/1/traces/tr-1/artifacts/attachments/x'), 'utf8'), 'png')
})

test('the rows of a project lie beside a table of what they hold, and of bytes nothing is written twice', async t => {
  const around = await folder(t)
  const parquet = createHash('sha256').update('x').digest('hex')
  const table = { kind: 'dataset_version', id: 'dsv_1', name: 'weather', version: 3, rows: 9, createdAt: 5 } as const
  const read: string[] = []
  const source = (project: string): Source => ({
    ...sourceWith('a'),
    async *tables() {
      const open = () => Promise.resolve(Readable.from([Buffer.from('x')]))
      const files = [{ path: 'datasets/weather/3.parquet', digest: parquet, open }]
      yield { ...table, project, columns: [{ name: 'day', type: 'date' }], madeFrom: ['dsv_0'], files }
    },
  })
  const digests = [parquet, createHash('sha256').update('y').digest('hex')]
  const api = { get: async () => ({ items: digests.map(digest => ({ digest })) }) as never }
  const out = join(around, 'out')

  const report = await exportLedger(source('rain'), out, {
    progress,
    async more(_, writer) {
      const bytes = async (path: string) => {
        read.push(path)
        return Readable.from([Buffer.from('y')])
      }
      await exportBlobs(api, bytes, writer)
      return {}
    },
  })

  assert.deepEqual([report.rows['data'], report.rows['artifacts'], report.files], [1, 3, 3])
  assert.equal(await readFile(join(out, 'data/rain/datasets/weather/3.parquet'), 'utf8'), 'x')
  assert.deepEqual(read, [`/api/v1/blobs/${digests[1]}`])
  assert.equal(await readFile(join(out, 'platform/blobs', digests[1]!), 'utf8'), 'y')
  await exportLedger(source('..'), join(around, 'climbing'), { progress })
  assert.deepEqual((await readdir(around)).toSorted(), ['climbing', 'out'])
})

test('the files of a version lie beside it, compared with the digest that the source has promised', async t => {
  const around = await folder(t)
  const source = (digest: string): Source => ({
    ...sourceWith('a'),
    async *models() {
      const version = { version: 2, description: '', source: 's3://x', stage: 'None', user: '', tags: [] }
      const times = { createdAt: 1, updatedAt: 1 }
      yield { name: '..', description: '', ...times, tags: [], aliases: [], versions: [{ ...version, ...times }] }
    },
    async *versionFiles(): AsyncIterable<CarriedFile> {
      yield { path: 'm/model.onnx', digest, open: () => Promise.resolve(Readable.from([Buffer.from('x')])) }
    },
  })
  const digest = createHash('sha256').update('x').digest('hex')
  const report = await exportLedger(source(digest), join(around, 'good'), { progress })
  assert.deepEqual([report.rows['artifacts'], report.files], [2, 2])
  assert.equal(await readFile(join(around, 'good/artifacts/model-versions/%2E%2E/2/m/model.onnx'), 'utf8'), 'x')
  await assert.rejects(exportLedger(source('0'.repeat(64)), join(around, 'bad'), { progress }), {
    code: 'unavailable',
    message: 'The server gave other bytes for m/model.onnx than it had promised.',
  })
})

test('predictions lie by deployment and day, counted again, and logs by run', async t => {
  const around = await folder(t)
  const duckdb = createDuckdb()
  t.after(() => duckdb.stop())
  const made = join(around, 'made.parquet')
  await duckdb.query([`copy (select * from range(3)) to ${literal(made)} (format parquet)`])
  const source = (rows: number): Source => ({
    ...sourceWith('a'),
    async *predictions() {
      const file = { path: 'umbrella/2026-11-29.parquet', open: async () => Readable.from([await readFile(made)]) }
      yield { project: 'rain', deployment: 'umbrella', day: '2026-11-29', rows, file }
    },
    async *logs() {
      const file = { path: 'run_1/train.log', open: () => Promise.resolve(Readable.from([Buffer.from('a line\n')])) }
      yield { project: 'rain', run: 'run_1', pipeline: 'training', task: 'train', file }
    },
  })
  const out = join(around, 'out')

  // One came in between the count and the reading.
  const report = await exportLedger(source(2), out, { progress })

  const read = (table: string): Promise<readonly Row[]> =>
    duckdb.query([`select * from ${literal(join(out, `${table}.parquet`))}`])
  assert.deepEqual([report.rows['predictions'], report.rows['task_logs'], report.files], [1, 1, 3])
  const path = 'predictions/rain/umbrella/2026-11-29.parquet'
  assert.deepEqual(await read('predictions'), [
    { project: 'rain', deployment: 'umbrella', day: '2026-11-29', rows: 3, path },
  ])
  assert.deepEqual(await readFile(join(out, path)), await readFile(made))
  assert.equal(await readFile(join(out, 'logs/rain/run_1/train.log'), 'utf8'), 'a line\n')
  await assert.rejects(exportLedger(source(4), join(around, 'short'), { progress }), {
    message: 'Of 4 predictions of umbrella on 2026-11-29 came 3.',
  })
})
