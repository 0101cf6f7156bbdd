import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { digestOf } from '#kernel/digest.ts'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { sqlModelStore } from './store.sql.ts'
import { registryMigrations } from './tables.ts'
import { evaluationThat, versionDraft } from './testing.ts'

for (const { name, open } of testEngines()) {
  test(`${name}: versions from before MLflow's clients come keep everything, and production stays behind the gate`, async t => {
    const db = await open(t, registryMigrations.slice(0, 1))
    const { id, digest, signature } = versionDraft()
    const text = (value: unknown): string => `'${typeof value === 'string' ? value : JSON.stringify(value)}'`
    await sql.raw(`insert into registry_model values ('rain', 'umbrella', 1), ('rain', 'empty', 0)`).execute(db)
    const columns =
      'id, key, project, model, version, stage, digest, bytes, signature, evaluation, training_set, run, created_at'
    const values = [id, 'k', 'rain', 'umbrella', '1', 'production', digest, '10', signature, evaluationThat(true)]
    await sql
      .raw(`insert into registry_version (${columns}) values (${values.map(text).join(', ')}, 'trs_1', 'run_1', 5)`)
      .execute(db)
    const moved = `'prm_1', '${id}', 'staging', 'production', 'ada', 'good', 7`
    await sql.raw(`insert into registry_transition values (${moved})`).execute(db)

    await migrate(db, registryMigrations)

    const store = sqlModelStore(db)
    const expected = {
      id,
      project: 'rain',
      model: 'umbrella',
      fullName: 'rain.umbrella',
      version: 1,
      stage: 'production',
      content: 'onnx',
      digest,
      bytes: 10,
      flavor: 'onnx',
      source: `mlflow-artifacts:/model-versions/${id}`,
      signature,
      evaluation: evaluationThat(true),
      trainingSet: 'trs_1',
      run: 'run_1',
      description: '',
      tags: {},
      aliases: [],
      user: 'trainyard',
      transitions: [{ id: 'prm_1', from: 'staging', to: 'production', actor: 'ada', reason: 'good', digest, at: 7 }],
      createdAt: 5,
      updatedAt: 7,
    }
    assert.deepEqual(await store.production('rain', 'umbrella'), expected)
    assert.deepEqual(await store.byKey('k'), expected)
    assert.equal((await store.findByFullName('rain.umbrella'))?.gated, true)
    const draft = { ...versionDraft({ model: 'umbrella' }), digest: digestOf('new') }
    assert.equal((await db.transaction().execute(tx => store.append(tx, draft))).version, 2)
    await assert.rejects(
      db
        .transaction()
        .execute(tx =>
          store.move(tx, draft.id, { ...expected.transitions[0]!, id: 'prm_2' } as Parameters<typeof store.move>[2]),
        ),
    )
  })
}
