import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import { manualClock } from '#kernel/clock.ts'
import { createOutbox, outboxMigrations, type Db } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { masterKeySource } from './master-key.ts'
import type { SealedColumn } from './sealed-column.ts'
import { createSecrets, type Secrets } from './secrets.ts'
import { sqlSecretStore } from './store.sql.ts'
import { secretMigrations } from './tables.ts'
import { createVault } from './vault.ts'

const [sqlite] = testEngines()
const otherKey = Buffer.alloc(32, 9).toString('base64')

async function open(t: TestContext, engine = sqlite!) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-secrets-'))
  t.after(() => rm(folder, { recursive: true }))
  const db = await engine.open(t, [...outboxMigrations, ...secretMigrations])
  const clock = manualClock(1_000)
  const store = sqlSecretStore(db)
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const keyFile = join(folder, 'keys', 'master.key')
  /** As a server that begins now. */
  const server = (setting = '', alsoSealed: SealedColumn[] = []) => {
    const vault = createVault({ store, clock, master: masterKeySource(setting, keyFile) })
    return { vault, secrets: createSecrets({ store, vault, outbox, clock, alsoSealed }) }
  }
  const events = async () =>
    (await outbox.after(0, 100)).map(({ type, project, actor, data }) => [type, project, actor, data])
  return { db, clock, keyFile, server, events, ...server() }
}

const set = (secrets: Secrets, name: string, value: string, project = 'rain') =>
  secrets.set({ project, name, value, actor: 'ada' })
const setForAll = (secrets: Secrets, name: string, value: string) =>
  secrets.set({ project: undefined, name, value, actor: 'ada' })
const use = (secrets: Secrets, names: readonly string[], project = 'rain') =>
  secrets.use({ project, names, by: 'training.fit, attempt 1', run: 'run_1' })

const texts = async (db: Db): Promise<string> => {
  const tables = ['secret', 'secret_key', 'event'].map(name => sql.table(name))
  const rows = await Promise.all(tables.map(async table => (await sql`select * from ${table}`.execute(db)).rows))
  return JSON.stringify(rows)
}

test('a value goes in, comes out for who names it, and stands readable nowhere; who did what is in the audit', async t => {
  const { db, secrets, events, keyFile, server } = await open(t)

  await set(secrets, 'TOKEN', 'hunter2-of-rain')
  await set(secrets, 'TOKEN', 'hunter3-of-rain')
  await setForAll(secrets, 'SHARED', 'hunter4-of-all')
  const values = await use(server().secrets, ['TOKEN', 'SHARED', 'TOKEN'])
  const listed = await secrets.list('rain', { limit: 9 })
  await secrets.remove({ project: 'rain', name: 'TOKEN', actor: 'bob' })

  assert.deepEqual(values, { TOKEN: 'hunter3-of-rain', SHARED: 'hunter4-of-all' })
  assert.deepEqual(listed.items, [
    {
      project: 'rain',
      name: 'TOKEN',
      version: 2,
      setAt: 1_000,
      setBy: 'ada',
      usedAt: 1_000,
      usedBy: 'training.fit, attempt 1',
    },
  ])
  assert.deepEqual(await events(), [
    ['secrets.secret_set', 'rain', 'ada', { name: 'TOKEN', version: 1 }],
    ['secrets.secret_set', 'rain', 'ada', { name: 'TOKEN', version: 2 }],
    ['secrets.secret_set', undefined, 'ada', { name: 'SHARED', version: 1 }],
    [
      'secrets.secrets_used',
      'rain',
      'trainyard',
      { names: ['TOKEN', 'SHARED'], by: 'training.fit, attempt 1', run: 'run_1' },
    ],
    ['secrets.secret_removed', 'rain', 'bob', { name: 'TOKEN' }],
  ])
  assert.doesNotMatch(await texts(db), /hunter/)
  assert.equal(((await stat(keyFile)).mode & 0o777).toString(8), '600')
})

test('a project’s own secret comes before the platform’s; what nobody has set is named', async t => {
  const { secrets } = await open(t)
  await setForAll(secrets, 'TOKEN', 'of everyone')
  await set(secrets, 'TOKEN', 'of snow', 'snow')

  assert.deepEqual(
    [await use(secrets, ['TOKEN']), await use(secrets, ['TOKEN'], 'snow')],
    [{ TOKEN: 'of everyone' }, { TOKEN: 'of snow' }],
  )
  assert.deepEqual(await secrets.missing('rain', ['TOKEN', 'B', 'C', 'B']), ['B', 'C'])
  await assert.rejects(use(secrets, ['TOKEN', 'B', 'C']), {
    code: 'invalid',
    message:
      'Secrets of rain are not set.\n  B: a secret: trainyard secrets set B --project rain\n  C: a secret: trainyard secrets set C --project rain',
  })
  await assert.rejects(secrets.remove({ project: 'rain', name: 'TOKEN', actor: 'ada' }), { code: 'not_found' })
})

test('what is no secret is refused, and not repeated', async t => {
  const { secrets } = await open(t)
  for (const [value, allowed] of [
    ['abc', /at least 4 characters: a shorter one could not be masked in logs/],
    ['\0hunter', /U\+0000/],
    ['     ', /more than white space/],
    ['hunter'.repeat(20_000), /at most 64 KiB/],
  ] as const)
    await assert.rejects(set(secrets, 'TOKEN', value), (error: Error) => {
      assert.match(error.message, allowed)
      assert.doesNotMatch(JSON.stringify(error), /hunter/)
      return true
    })
})

test('what was sealed for one place opens in no other', async t => {
  const { db, secrets, vault } = await open(t)
  await set(secrets, 'TOKEN', 'of rain')
  await set(secrets, 'TOKEN', 'of snow', 'snow')
  await set(secrets, 'OTHER', 'another')
  const sealed = await vault.seal('text', { project: 'rain', name: 'webhook/1' })

  await sql`update secret set sealed = (select sealed from secret where name = 'OTHER') where project = 'rain'`.execute(
    db,
  )
  await sql`update secret set sealed = (select sealed from secret where name = 'OTHER') where project = 'snow'`.execute(
    db,
  )

  await assert.rejects(use(secrets, ['TOKEN']), /unable to authenticate|authenticate/)
  await assert.rejects(use(secrets, ['TOKEN'], 'snow'), /authenticate/)
  await assert.rejects(vault.open(sealed, { project: 'rain', name: 'webhook/2' }), /authenticate/)
  const changed = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA')
  await assert.rejects(vault.open(changed, { project: 'rain', name: 'webhook/1' }))
  assert.equal(await vault.open(sealed, { project: 'rain', name: 'webhook/1' }), 'text')
})

for (const engine of testEngines())
  test(`${engine.name}: a rotation changes every key and no value, for servers that run meanwhile too`, async t => {
    const { db, keyFile, server, clock } = await open(t, engine)
    const others: string[] = []
    const place = { project: 'rain', name: 'webhook/1' }
    const { secrets, vault } = server('', [
      {
        sealPlain: async () => 0,
        async reseal(renew) {
          const anew = await renew(others[0]!, place)
          if (anew !== undefined) others[0] = anew
          return 1
        },
      },
    ])
    const neighbour = server()
    others.push(await vault.seal('of a webhook', place))
    for (let n = 0; n < 120; n++) await set(secrets, `S${n}`, `value ${n}`)
    await setForAll(secrets, 'TOKEN', 'of all')
    await use(neighbour.secrets, ['S1'])
    const [before, keyBefore] = [await texts(db), await readFile(keyFile, 'utf8')]

    const rotation = await secrets.rotate('ada')

    const keyAfter = await readFile(keyFile, 'utf8')
    assert.deepEqual([rotation.isNew, rotation.dataKeys, rotation.resealed], [true, 2, 122])
    assert.notEqual(keyAfter, keyBefore)
    assert.equal(keyAfter.trim().split('\n').length, 1)
    for (const { sealed } of (await sql<{ sealed: string }>`select sealed from secret`.execute(db)).rows)
      assert.ok(!before.includes(sealed))
    for (const one of [secrets, neighbour.secrets, server().secrets])
      assert.deepEqual(await use(one, ['S7', 'S119', 'TOKEN']), { S7: 'value 7', S119: 'value 119', TOKEN: 'of all' })
    assert.equal(await neighbour.vault.open(others[0]!, place), 'of a webhook')
    clock.advance(25 * 60 * 60_000)
    await secrets.rotate('ada')
    assert.equal((await sql`select id from secret_key`.execute(db)).rows.length, 4)
    assert.deepEqual(await use(server().secrets, ['S7']), { S7: 'value 7' })
  })

test('a master key may be a setting or a file; without it nothing opens, and a former one is enough to open', async t => {
  const { db, keyFile, server } = await open(t)
  const [first, second] = [Buffer.alloc(32, 8).toString('base64'), otherKey]
  await set(server(first).secrets, 'TOKEN', 'a value')

  await assert.rejects(use(server(second).secrets, ['TOKEN']), (error: Error) => {
    assert.match(error.message, /^The master key [0-9a-f]{16} is not here/)
    return true
  })
  assert.deepEqual(await use(server(`${second},${first}`).secrets, ['TOKEN']), { TOKEN: 'a value' })
  const { isNew } = await server(`${second},${first}`).secrets.rotate('ada')
  assert.deepEqual(await use(server(second).secrets, ['TOKEN']), { TOKEN: 'a value' })
  await assert.rejects(use(server(first).secrets, ['TOKEN']), { code: 'unavailable' })
  assert.equal(isNew, false)

  const file = `${keyFile.replace(/keys.master\.key$/, '')}outside.key`
  await writeFile(file, second, { mode: 0o600 })
  assert.deepEqual(await use(server(`file:${file}`).secrets, ['TOKEN']), { TOKEN: 'a value' })
  await chmod(file, 0o644)
  await assert.rejects(use(server(`file:${file}`).secrets, ['TOKEN']), /mode 644.*chmod 600/s)
  await assert.rejects(use(server('hunter2').secrets, ['TOKEN']), (error: Error) => {
    assert.match(error.message, /masterKey: 32 bytes in base64, as `openssl rand -base64 32` prints them/)
    assert.doesNotMatch(JSON.stringify(error), /hunter2/)
    return true
  })
  assert.doesNotMatch(await texts(db), /a value/)
})
