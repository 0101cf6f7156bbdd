import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import type { TestEngine } from '#storage/testing.ts'
import { blocksOf } from './block.ts'
import { placesOf } from './history-sample.ts'
import { tallyPoints } from './import-tally.sql.ts'
import type { MetricPoint, StoredPoint } from './metric.ts'
import { sqlTrackingStores } from './store.sql.ts'
import { historyOf, openTracking } from './testing.ts'

/** What histories of metrics promise on every engine. */
export function historyContract(engine: TestEngine): void {
  const { name } = engine

  test(`${name}: a history is read page by page while points are added`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    const add = (from: number, to: number): Promise<void> =>
      tracking.log.add({
        run: id,
        points: range(from, to).map(n => ({ key: 'm', value: n, step: n, timestamp: Math.floor(n / 3) * 700 })),
      })
    await add(0, 100)

    const first = await tracking.history.points(id, 'm', { limit: 40 })
    await add(100, 130)
    const second = await tracking.history.points(id, 'm', { limit: 40, after: first.next })
    const third = await tracking.history.points(id, 'm', { limit: 90, after: second.next })

    assert.deepEqual(
      [first, second, third].flatMap(({ items }) => items.map(({ step }) => step)),
      range(0, 130),
    )
    assert.equal(third.next, undefined)
    await assert.rejects(tracking.history.points(id, 'm', { limit: 1, after: 'x' }), { code: 'invalid' })
    assert.deepEqual(await tracking.history.points(id, 'nobody', { limit: 1 }), { items: [] })
  })

  test(`${name}: of points that came alone, together and again each is read once, page by page and sampled`, async t => {
    const tracking = await openTracking(t, engine)
    const [id, other] = [await tracking.run('0'), await tracking.run('0')]
    const points = range(0, 1_000).map(n => ({
      key: n % 10 === 9 ? 'rare' : 'm',
      value: n % 13 === 0 ? Number.NaN : n / 7,
      step: 1_000 - n,
      timestamp: Math.floor(n / 4) * 9,
    }))
    const add = (some: readonly MetricPoint[]): Promise<void> => tracking.log.add({ run: id, points: some })
    await Promise.all([add(points.slice(200, 700)), add(points.slice(200, 700))])
    for (const point of points.slice(195, 205)) await add([point])
    await add(points.slice(0, 500).toReversed())
    await add(points.slice(450))
    await tracking.log.add({ run: other, points: points.slice(0, 40) })

    const read: StoredPoint[] = []
    for (let after: string | undefined; ;) {
      const { items, next } = await tracking.history.points(id, 'm', { limit: 77, after })
      read.push(...items)
      if (next === undefined) break
      after = next
    }
    const sample = await tracking.history.sampled({ run: id, key: 'm' }, { from: 5, to: 24, most: 100 })
    const ends = []
    for (const run of [id, other]) {
      const found = await tracking.history.sampled({ run, key: 'm' }, { most: 2 })
      ends.push(found.map(({ step }) => step))
    }
    const counts = []
    for (const key of ['m', 'rare']) {
      const chart = await tracking.history.reduced({ run: id, key }, { axis: 'step', buckets: 1 })
      counts.push(chart[0]!.count)
    }

    const expected = points
      .filter(({ key }) => key === 'm')
      .map(({ value, step, timestamp }) => ({ timestamp, step, value }))
      .toSorted((a, b) => a.timestamp - b.timestamp || a.step - b.step)
    assert.deepEqual(read, expected)
    assert.deepEqual(
      sample,
      expected.filter(({ step }) => step >= 5 && step <= 24).toSorted((a, b) => a.step - b.step),
    )
    assert.deepEqual(
      [ends, counts, (await tallyPoints(tracking.db, id)).count],
      [
        [
          [2, 1_000],
          [962, 1_000],
        ],
        [900, 100],
        1_000,
      ],
    )
  })

  test(`${name}: steps beyond 2^53 are kept to the last digit, in histories, pages, charts and the latest`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    const beyond = 2n ** 53n
    const steps = [7, beyond + 1n, beyond + 2n, -(2n ** 63n), 2n ** 63n - 1n]
    // So many that came together are kept in another way.
    const many = range(0, 20).map(n => ({ key: 'many', value: n, step: beyond + BigInt(n), timestamp: 5 }))
    await tracking.log.add({ run: id, points: many })
    const points = steps.map((step, index) => ({ key: 'm', value: index, step, timestamp: 5 }))
    const sorted = [-(2n ** 63n), 7, beyond + 1n, beyond + 2n, 2n ** 63n - 1n]

    await tracking.log.add({ run: id, points })
    await tracking.log.add({ run: id, points: [...points, { key: 'm', value: 9, step: 8, timestamp: 6 }] })

    const first = await tracking.history.points(id, 'm', { limit: 3 })
    const second = await tracking.history.points(id, 'm', { limit: 3, after: first.next })
    const sample = await tracking.history.sampled({ run: id, key: 'm' }, { from: 0, to: beyond + 1n, most: 9 })
    const [chart] = await tracking.history.reduced({ run: id, key: 'm' }, { axis: 'step', buckets: 1 })
    await tracking.history.compact({ run: id, key: 'm' })
    const { metrics } = await tracking.runs.document(id)

    assert.deepEqual(
      [...first.items, ...second.items].map(({ step }) => step),
      [...sorted, 8],
    )
    assert.deepEqual(
      sample.map(({ step }) => step),
      [7, 8, beyond + 1n],
    )
    assert.deepEqual([chart!.count, chart!.last], [6, 4])
    assert.equal((await tracking.history.at({ run: id, key: 'm' }, beyond + 1n))!.value, 1)
    assert.match(metrics, /"step":9223372036854775807\}/)
    assert.deepEqual(
      (await historyOf(tracking, id, 'many')).map(([, step]) => step),
      many.map(({ step }) => (step === beyond ? beyond : step)),
    )
  })

  test(`${name}: a chart of a long history says the same with blocks as from the points`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    const points = range(0, 5_000).map(n => ({
      key: 'm',
      value: n % 997 === 0 ? Number.NaN : Math.sin(n) * n,
      step: n * 2,
      timestamp: n * 37,
    }))
    for (let start = 0; start < points.length; start += 1_000)
      await tracking.log.add({ run: id, points: points.slice(start, start + 1_000) })
    const chart = { axis: 'step', buckets: 7 } as const

    const before = await tracking.history.reduced({ run: id, key: 'm' }, chart)
    const late = [0, 2_500, 4_999].map(n => ({ key: 'm', value: 1e9 - n, step: n * 2, timestamp: n * 37 }))
    await tracking.log.add({ run: id, points: [...late, { key: 'other', value: 1, step: 0, timestamp: 5_000 }] })
    const after = await tracking.history.reduced({ run: id, key: 'm' }, chart)
    const zoomed = await tracking.history.reduced({ run: id, key: 'm' }, { ...chart, from: 2_000, to: 2_018 })

    const finite = points.filter(point => !Number.isNaN(point.value)).map(point => point.value)
    const lowest = (buckets: typeof before): number => Math.min(...buckets.map(({ min }) => min!))
    const highest = (buckets: typeof before): number => Math.max(...buckets.map(({ max }) => max!))
    const count = (buckets: typeof before): number => buckets.reduce((sum, bucket) => sum + bucket.count, 0)
    assert.deepEqual(
      [before.length, count(before), lowest(before), highest(before), before.at(-1)!.last],
      [7, 5_000, Math.min(...finite), Math.max(...finite), points.at(-1)!.value],
    )
    assert.deepEqual(
      [count(after), [0, 3, 6].map(place => after[place]!.max)],
      [5_003, [1e9, 1e9 - 2_500, 1e9 - 4_999]],
    )
    assert.deepEqual(
      [zoomed.map(({ from, to }) => [from, to]), count(zoomed)],
      [
        [
          [2_000, 2_002],
          [2_004, 2_004],
          [2_006, 2_008],
          [2_010, 2_010],
          [2_012, 2_012],
          [2_014, 2_016],
          [2_018, 2_018],
        ],
        10,
      ],
    )
  })

  test(`${name}: points that come while blocks are made are in the chart once`, async t => {
    const { history, log, run } = await openTracking(t, engine)
    const id = await run('0')
    const add = (steps: readonly number[]): Promise<void> =>
      log.add({ run: id, points: steps.map(step => ({ key: 'm', value: step, step, timestamp: step * 10 })) })
    // Every other step, so that later ones fall into what is there.
    for (let start = 0; start < 10_000; start += 1_000) await add(range(start, start + 1_000).map(n => n * 2))

    const late = async (): Promise<void> => {
      for (let start = 0; start < 10_000; start += 100) await add([start * 2 + 1])
    }
    const series = { run: id, key: 'm' }
    await Promise.all([history.compact(series), late(), history.compact(series), history.compact(series)])
    await history.compact(series)

    const buckets = await history.reduced(series, { axis: 'step', buckets: 50 })
    assert.equal(
      buckets.reduce((sum, { count }) => sum + count, 0),
      10_100,
    )
  })

  test(`${name}: a point that waits while its block is made is in the chart`, async t => {
    const { db, history, log, run } = await openTracking(t, engine)
    const id = await run('0')
    const points = range(0, 1_000).map(n => ({ value: n, step: n, timestamp: n * 10 }))
    await log.add({ run: id, points: points.map(point => ({ key: 'm', ...point })) })
    const { history: series } = sqlTrackingStores(db)

    let late = Promise.resolve()
    await db.transaction().execute(async tx => {
      await series.lock(tx, id)
      late = log.add({ run: id, points: [{ key: 'm', value: 5, step: 5, timestamp: 55 }] })
      await elapse(100)
      await series.putBlocks(tx, { run: id, key: 'm' }, blocksOf(points, 0, 10_000))
    })
    await late

    const buckets = await history.reduced({ run: id, key: 'm' }, { axis: 'step', buckets: 50 })
    assert.equal(
      buckets.reduce((sum, { count }) => sum + count, 0),
      1_001,
    )
  })

  test(`${name}: a history is sampled evenly over its points, the first and the last among them`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    const stepsOf = async (sample: { most: number; from?: number; to?: number }, key = 'm'): Promise<unknown> =>
      (await tracking.history.sampled({ run: id, key }, sample)).map(({ step }) => step)
    const points = [...range(0, 9), 5, 5].map((step, at) => ({ key: 'm', value: at, step, timestamp: at }))
    await tracking.log.add({ run: id, points })

    assert.deepEqual(
      [await stepsOf({ most: 4 }), await stepsOf({ most: 1 }), await stepsOf({ most: 9, from: 4, to: 5 })],
      [[0, 3, 5, 8], [8], [4, 5, 5, 5]],
    )
    assert.deepEqual([await stepsOf({ most: 4 }, 'nobody'), await stepsOf({ most: 4, from: 20, to: 30 })], [[], []])
  })

  test(`${name}: a long history is sampled as if each of its points had been read`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    // Three points of a step, several to a second, and another metric between them.
    const points = range(0, 5_000).map(n => ({
      key: 'm',
      value: (n * 7) % 11,
      step: Math.floor(n / 3),
      timestamp: n * 150,
    }))
    for (let start = 0; start < points.length; start += 500) {
      const some = points.slice(start, start + 500)
      await tracking.log.add({ run: id, points: some.flatMap(point => [point, { ...point, key: 'other' }]) })
    }
    await tracking.history.compact({ run: id, key: 'm' })
    const late = { key: 'm', value: 99, step: 2_000, timestamp: 300_000 }
    await tracking.log.add({ run: id, points: [late] })
    const sorted = [...points, late].map(({ step, timestamp, value }) => ({ timestamp, step, value }))

    const whole = await tracking.history.sampled({ run: id, key: 'm' }, { most: 700 })
    const part = await tracking.history.sampled({ run: id, key: 'm' }, { most: 3, from: 1_000, to: 1_200 })

    const sample = (all: readonly { step: number }[], most: number): unknown =>
      placesOf(all.length, most).map(place => all[place])
    assert.deepEqual(whole, sample(sorted, 700))
    assert.deepEqual(
      part,
      sample(
        sorted.filter(({ step }) => step >= 1_000 && step <= 1_200),
        3,
      ),
    )
  })
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
