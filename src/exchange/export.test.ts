import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { exportLedger } from './export.ts'
import type { CarriedFile, CarriedRun, Source } from './record.ts'

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
