import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFilter, parseOrder } from '#search'
import type { TestEngine } from '#storage/testing.ts'
import { runLanguage } from './run-language.ts'
import { openTracking } from './testing.ts'

/** What tables of runs and trees of experiments read: the same on every engine. */
export function runTableContract(engine: TestEngine): void {
  const queryOf = (experiments: readonly string[], filter?: string, order: readonly string[] = []) => ({
    experiments,
    filter: parseFilter(filter, runLanguage),
    order: parseOrder(order, runLanguage),
    view: 'active' as const,
  })

  test(`${engine.name}: a row has the columns that were asked for, and no others`, async t => {
    const tracking = await openTracking(t, engine)
    const { id } = await tracking.experiments.create({ name: 'e' })
    const top = await tracking.run(id, {
      name: 'top',
      startedAt: 2,
      metrics: { a: Number.NaN, b: 1 },
      params: { p: 'x', q: 'y' },
    })
    await tracking.run(id, {
      name: 'child',
      startedAt: 1,
      metrics: { a: 3 },
      tags: { 'mlflow.parentRunId': top, t: 'z' },
    })
    const columns = [
      { kind: 'metrics', key: 'a' },
      { kind: 'params', key: 'p' },
      { kind: 'params', key: 'nobody' },
      { kind: 'tags', key: 't' },
    ] as const
    const { items } = await tracking.runs.table(queryOf([id]), columns, { limit: 10 })
    assert.deepEqual(
      items.map(({ run, ...row }) => [run.name, row]),
      [
        ['top', { metrics: { a: Number.NaN }, params: { p: 'x' }, tags: {} }],
        ['child', { parent: top, metrics: { a: 3 }, params: {}, tags: { t: 'z' } }],
      ],
    )
  })

  test(`${engine.name}: rows come in pages, in the order that was asked for`, async t => {
    const tracking = await openTracking(t, engine)
    const { id } = await tracking.experiments.create({ name: 'e' })
    for (const m of [2, 3, 1]) await tracking.run(id, { name: `run ${m}`, metrics: { m } })
    const query = queryOf([id], undefined, ['metrics.m DESC'])
    const first = await tracking.runs.table(query, [], { limit: 2 })
    const second = await tracking.runs.table(query, [], { limit: 2, after: first.next })
    assert.deepEqual(
      [first, second].map(({ items }) => items.map(({ run }) => run.name)),
      [['run 3', 'run 2'], ['run 1']],
    )
    assert.equal(second.next, undefined)
  })

  test(`${engine.name}: runs are counted up to a limit, sorted out or walked`, async t => {
    for (const candidatesMax of [20_000, 0]) {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      for (const m of [1, 2, 3]) await tracking.run(id, { metrics: { m }, params: { p: m > 1 ? 'big' : 'small' } })
      const filters = [undefined, "params.p = 'big'", "params.p = 'big' and metrics.m < 3", 'metrics.nobody > 0']
      const counts: number[] = []
      for (const filter of filters) counts.push(await tracking.runs.count(queryOf([id], filter), 10))
      assert.deepEqual(counts, [3, 2, 1, 0])
      assert.equal(await tracking.runs.count(queryOf([id]), 1), 2)
      assert.equal(await tracking.runs.count(queryOf([]), 10), 0)
    }
  })

  test(`${engine.name}: an experiment counts its runs, and those of the trash when it is there itself`, async t => {
    const tracking = await openTracking(t, engine)
    const { experiments, runs } = tracking
    const { id } = await experiments.create({ name: 'e' })
    const { id: bare } = await experiments.create({ name: 'bare' })
    await tracking.run(id, { startedAt: 5 })
    const ended = await tracking.run(id, { startedAt: 7 })
    await runs.update(ended, { status: 'FINISHED', endedAt: 9 as never })
    await runs.remove(await tracking.run(id, { startedAt: 20 }))
    assert.deepEqual(
      await experiments.counts([id, bare]),
      new Map([
        [id, { runs: 2, running: 1, lastRunAt: 7 }],
        [bare, { runs: 0, running: 0 }],
      ]),
    )
    await experiments.remove(id)
    assert.deepEqual((await experiments.counts([id])).get(id), { runs: 3, running: 2, lastRunAt: 20 })
    assert.deepEqual(await experiments.counts([]), new Map())
  })

  test(`${engine.name}: the names that an experiment has logged are its own, in order, up to a limit`, async t => {
    const tracking = await openTracking(t, engine)
    const { id } = await tracking.experiments.create({ name: 'e' })
    const { id: other } = await tracking.experiments.create({ name: 'other' })
    await tracking.run(other, { metrics: { elsewhere: 1 } })
    await tracking.run(id, { name: 'a', metrics: { z: 1, m: 1 }, params: { p: '1' } })
    await tracking.run(id, { name: 'b', metrics: { m: 2, b: 1 } })
    assert.deepEqual(await tracking.experiments.keys(id, 10), {
      metrics: ['b', 'm', 'z'],
      params: ['p'],
      tags: ['mlflow.runName'],
    })
    assert.equal((await tracking.experiments.keys(id, 2)).metrics.length, 2)
  })
}
