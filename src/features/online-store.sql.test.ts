import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { manualClock, type Millis } from '#kernel/clock.ts'
import { testEngines } from '#storage/testing.ts'
import { onlineStoreContract } from './online-store.contract.ts'
import { openOnlineStore, sqlOnlineStore } from './online-store.sql.ts'
import { onlineMigrations } from './tables.ts'

for (const engine of testEngines())
  onlineStoreContract(engine.name, async t =>
    sqlOnlineStore(await engine.open(t, onlineMigrations), manualClock(1_000)),
  )

test('a thousand keys with a month of history each are read in a moment', async (t: TestContext) => {
  const store = await openOnlineStore('sqlite::memory:')
  t.after(() => store.close())
  const view = { project: 'rain', view: 'daily' }
  const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`)
  await store.write(
    view,
    'ftv_1',
    keys.flatMap(key => Array.from({ length: 30 }, (_, day) => ({ key, eventTime: day as Millis, values: { day } }))),
  )

  const from = performance.now()
  const rows = await store.read({ ...view, keys, at: 20 as Millis })

  t.assert.deepEqual(new Set(rows.map(row => row.values['day'])), new Set([20]))
  t.assert.ok(performance.now() - from < 500, 'some ten milliseconds; a plan that scans the view takes seconds')
})

test('one process reads while another one writes, and sees whole rows only', async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-online-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const url = `sqlite:${join(folder, 'online.db')}`
  const store = await openOnlineStore(url)
  t.after(() => store.close())
  const view = { project: 'rain', view: 'daily' }
  const write = async (round: number) =>
    store.write(
      view,
      `ftv_${round}`,
      Array.from({ length: 1_000 }, (_, index) => ({
        key: `k${index}`,
        eventTime: 10 as Millis,
        values: { round, same: round },
      })),
    )
  await write(0)

  const reader = fork(fileURLToPath(new URL('./testing-reader.ts', import.meta.url)), [url], { execArgv: [] })
  const exited = once(reader, 'exit')
  await once(reader, 'message')
  let rounds = 0
  let answer: { reads: number; torn: number; newest: number } | undefined
  reader.once('message', message => {
    answer = message as never
  })
  while (answer === undefined && reader.exitCode === null) await write(++rounds)
  await exited

  t.assert.ok(answer)
  t.assert.equal(answer.torn, 0, `of ${answer.reads} reads`)
  t.assert.ok(answer.newest <= rounds, `${answer.newest} of ${rounds}`)
})
