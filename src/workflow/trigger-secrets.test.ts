import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import { testEngines } from '#storage/testing.ts'
import { sqlWorkflowStore } from './store.sql.ts'
import { workflowMigrations } from './migrations.ts'
import { triggerSecrets } from './trigger.sql.ts'

const key = { project: 'rain', pipeline: 'train', name: 'webhook' }

for (const { name, open } of testEngines())
  test(`${name}: the secret of a hook stands readable nowhere, also one of before there was a vault`, async t => {
    const db = await open(t, [...secretMigrations, ...workflowMigrations])
    const vault = testVault(db)
    const store = sqlWorkflowStore(db, vault)
    const kept = async () =>
      (
        await sql<{
          secret: string | null
          sealed: string | null
        }>`select secret, sealed from workflow_trigger`.execute(db)
      ).rows[0]!
    await store.transaction(tx => store.setTriggers(tx, 'rain', [{ ...key, spec: { on: 'webhook' }, hook: 'h1' }]))
    const found = async () => {
      const { trigger, secret } = (await store.findHook('h1'))!
      return [trigger.hasSecret, secret]
    }

    const unset = await found()
    await sql`update workflow_trigger set secret = 'of before'`.execute(db)
    const before = await found()
    await triggerSecrets(db, vault).sealPlain()
    const [sealed, after] = [await kept(), await found()]
    await store.setSecret(key, 'another')
    const [anew, now] = [await kept(), await found()]

    assert.deepEqual(
      [unset, before, after, now],
      [
        [false, undefined],
        [true, 'of before'],
        [true, 'of before'],
        [true, 'another'],
      ],
    )
    for (const row of [sealed, anew]) {
      assert.equal(row.secret, null)
      assert.match(row.sealed!, /^v1\.dek_[^.]+\.[\w-]+$/)
    }
  })
