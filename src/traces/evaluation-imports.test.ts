import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { testEngines } from '#storage/testing.ts'
import { tallyOf } from '#tracking'
import { createEvaluationImports, recordFacts } from './evaluation-imports.ts'
import { sqlEvaluationStore } from './evaluation-store.sql.ts'
import { traceMigrations } from './tables.ts'

const experiments = {
  async get(id: string) {
    if (!['1', '2'].includes(id)) throw notFound('experiment', id)
    const project = id === '2' ? 'snow' : 'rain'
    return { id, project, artifactLocation: '', lifecycle: 'active' as const }
  },
}
const [createdAt, updatedAt] = [5 as Millis, 9 as Millis]
const dataset = {
  name: 'questions',
  digest: '01234567',
  schema: { inputs: { q: 'string' }, outputs: 'integer', expectations: {}, version: '1.0' },
  tags: { a: 'b' },
  experimentIds: ['1'],
  createdAt,
  updatedAt,
  createdBy: 'ann',
} as const
const record = { id: 'dr-1', inputs: { q: 'ü', n: [1, null] }, outputs: 4, createdAt, updatedAt, updatedBy: 'bob' }
const other = { id: 'dr-2', inputs: { q: 'b' }, tags: {}, source: { source_type: 'HUMAN' }, createdAt, updatedAt }

for (const engine of testEngines())
  suite(`imported evaluation datasets, ${engine.name}`, () => {
    test('a dataset and its records are as their ledger has them, and said again they are there once', async t => {
      const store = sqlEvaluationStore(await engine.open(t, traceMigrations))
      const imports = createEvaluationImports({ store, experiments })
      await assert.rejects(imports.summary('rain', 'd-1'), { code: 'not_found' })
      for (const outputs of [3, 4]) {
        await imports.dataset('rain', 'd-1', dataset)
        await imports.records('rain', 'd-1', [{ ...record, outputs }, other])
      }
      assert.deepEqual(await imports.summary('rain', 'd-1'), {
        ...dataset,
        id: 'd-1',
        records: tallyOf([record, other].map(recordFacts)),
      })
      assert.equal((await store.find('d-1'))!.recordCount, 2)
    })

    test('a dataset stays in its project, and its experiments are of it', async t => {
      const store = sqlEvaluationStore(await engine.open(t, traceMigrations))
      const imports = createEvaluationImports({ store, experiments })
      await imports.dataset('rain', 'd-1', dataset)
      const elsewhere = { ...dataset, experimentIds: ['2'] }
      await assert.rejects(imports.dataset('snow', 'd-1', elsewhere), { code: 'conflict' })
      await assert.rejects(imports.dataset('rain', 'd-1', elsewhere), { code: 'not_found' })
      await assert.rejects(imports.records('snow', 'd-1', [record]), { code: 'not_found' })
      await assert.rejects(imports.summary('snow', 'd-1'), { code: 'not_found' })
    })
  })
