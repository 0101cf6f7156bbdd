import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { testEngines } from '#storage/testing.ts'
import { tallyOf } from '#tracking'
import { spanFacts } from './import-facts.ts'
import { createTraceImports, type ImportedTrace } from './imports.ts'
import { encodeRequest } from './otlp-message.ts'
import { sqlTraceStore } from './store.sql.ts'
import { traceMigrations } from './tables.ts'
import { ingest, readSpans } from './ingest.ts'

const experiments = {
  async get(id: string) {
    if (!['1', '2', '3'].includes(id)) throw notFound('experiment', id)
    const project = id === '3' ? 'snow' : 'rain'
    return { id, project, artifactLocation: `mlflow-artifacts:/${id}`, lifecycle: 'active' as const }
  },
}
const id = `tr-${'01'.repeat(16)}`
const assessment = { id: 'a-1', name: 'q', kind: 'feedback', value: '0.5', valid: true } as const
const at = (ms: number): Millis => ms as Millis
const imported: ImportedTrace = {
  id,
  experimentId: '1',
  requestedAt: at(1_700_000_000_123),
  durationMs: 7,
  state: 'ERROR',
  requestPreview: 'said by its maker',
  metadata: { 'mlflow.sourceRun': 'r', long: 'x'.repeat(9_000) },
  tags: { a: 'b', 'mlflow.artifactLocation': 's3://elsewhere', 'mlflow.trace.spansLocation': 'ARCHIVE_REPO' },
  assessments: [{ ...assessment, createdAt: at(5), updatedAt: at(6) }],
}
const span = {
  trace_id: Buffer.alloc(16, 1),
  span_id: Buffer.alloc(8, 2),
  name: 'root',
  start_time_unix_nano: '1795916756540238832',
  end_time_unix_nano: '1795916756541830354',
  attributes: [{ key: 'mlflow.spanInputs', value: { string_value: 'from the span' } }],
  status: { code: 1 },
}
const request = encodeRequest([{ scope_spans: [{ spans: [span] }] }])

for (const engine of testEngines())
  suite(`imported traces, ${engine.name}`, () => {
    test('a trace is what its ledger says, whatever its spans say, and said again it is there once', async t => {
      const store = sqlTraceStore(await engine.open(t, traceMigrations))
      const imports = createTraceImports({ store, experiments })
      assert.deepEqual(await imports.summaries('rain', [id]), [])
      await ingest(store, await experiments.get('1'), readSpans(request))
      const first = await imports.describe('rain', imported)
      assert.deepEqual(first, {
        trace: {
          ...imported,
          metadata: { 'mlflow.sourceRun': 'r', long: 'x'.repeat(8_000) },
          tags: {
            a: 'b',
            'mlflow.artifactLocation': `mlflow-artifacts:/1/traces/${id}/artifacts`,
            'mlflow.trace.spansLocation': 'TRACKING_STORE',
          },
          assessments: [{ ...imported.assessments[0], traceId: id }],
        },
        artifactUri: `mlflow-artifacts:/1/traces/${id}/artifacts`,
        spans: tallyOf(spanFacts(request)),
      })
      await ingest(store, await experiments.get('1'), readSpans(request))
      assert.deepEqual(await imports.describe('rain', imported), first)
      assert.deepEqual(await imports.summaries('rain', [id, 'tr-none']), [first])
      assert.deepEqual(await imports.summaries('snow', [id]), [])
    })

    test('an assessment that has changed takes the place of what is here', async t => {
      const imports = createTraceImports({ store: sqlTraceStore(await engine.open(t, traceMigrations)), experiments })
      await imports.describe('rain', imported)
      const changed = { ...assessment, value: '1', valid: false, createdAt: at(5), updatedAt: at(9) }
      const { trace } = await imports.describe('rain', { ...imported, assessments: [changed] })
      assert.deepEqual(trace.assessments, [{ ...changed, traceId: id }])
    })

    test('a trace stays in its experiment, and an experiment in its project', async t => {
      const imports = createTraceImports({ store: sqlTraceStore(await engine.open(t, traceMigrations)), experiments })
      await imports.describe('rain', imported)
      await assert.rejects(imports.describe('rain', { ...imported, experimentId: '2' }), { code: 'conflict' })
      await assert.rejects(imports.describe('rain', { ...imported, experimentId: '3' }), { code: 'not_found' })
    })
  })
