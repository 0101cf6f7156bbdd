import assert from 'node:assert/strict'
import { setTimeout as elapse } from 'node:timers/promises'
import { test } from 'node:test'
import { testEngines } from '#storage/testing.ts'
import { migrations, openBed, task, testFolder } from './testing.ts'

const seats = 6
const runs = 4

for (const engine of testEngines())
  test(`${engine.name}: turns side by side give no seat twice, and leave none empty`, async t => {
    const over = { db: await engine.open(t, migrations), folder: await testFolder(t) }
    let [now, most, begun] = [0, 0, 0]
    const [all, full] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const handlers = {
      // They end one after the other while seats are free, and each brings more than there are seats.
      first: async () => {
        const place = ++begun
        if (place === runs) all.resolve()
        await all.promise
        await elapse(2 * place)
        return {}
      },
      work: async () => {
        most = Math.max(most, ++now)
        if (now === seats) full.resolve()
        await full.promise
        await elapse(50)
        now -= 1
        return {}
      },
    }
    const { run } = await openBed(t, { handlers, over, deps: { parallelPlatformTasks: seats } })
    const wide = Array.from({ length: 10 }, (_, index) => [`t${index}`, task('work', { after: ['first'] })] as const)

    const tasks = { first: task('first'), ...Object.fromEntries(wide) }
    const ended = await Promise.all(Array.from({ length: runs }, () => run(tasks)))

    assert.deepEqual([ended.map(({ state }) => state), most], [Array(runs).fill('succeeded'), seats])
  })
