import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestEngine } from '#storage/testing.ts'
import { openTracking, trackingOf, type TestTracking } from './testing.ts'

/** What a search of runs finds, and in which order: the same whether it sorts a few runs or walks an index. */
export function runSearchContract(engine: TestEngine): void {
  for (const [way, candidatesMax] of [
    ['sorted', 20_000],
    ['walked', 0],
  ] as const) {
    const name = `${engine.name}, ${way}`

    test(`${name}: metrics order by value, then NaN, then runs without, in both directions`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      for (const [run, value] of [
        ['none', undefined],
        ['nan', Number.NaN],
        ['one', 1],
        ['inf', Number.POSITIVE_INFINITY],
        ['minus', -5],
        ['half', 0.5],
      ] as const)
        await tracking.run(id, { name: run, ...(value !== undefined && { metrics: { m: value } }) })

      for (const limit of [1, 2, 5, 100])
        assert.deepEqual(
          [
            await tracking.found([id], { order: ['metrics.m'], limit }),
            await tracking.found([id], { order: ['metrics.m DESC'], limit }),
          ],
          [
            ['minus', 'half', 'one', 'inf', 'nan', 'none'],
            ['inf', 'one', 'half', 'minus', 'nan', 'none'],
          ],
        )
    })

    test(`${name}: ties have the latest start first, then the first that was made`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      for (const [run, startedAt, m] of [
        ['a', 5, 1],
        ['b', 9, 1],
        ['c', 5, 1],
        ['d', 9, 2],
        ['e', 1, 2],
      ] as const)
        await tracking.run(id, { name: run, startedAt, metrics: { m }, params: { p: String(m) } })

      for (const limit of [1, 2, 3, 9])
        assert.deepEqual(
          [
            await tracking.found([id], { limit }),
            await tracking.found([id], { order: ['metrics.m'], limit }),
            await tracking.found([id], { order: ['metrics.m DESC'], limit }),
            await tracking.found([id], { order: ['params.p DESC', 'start_time'], limit }),
            await tracking.found([id], { order: ['params.nobody', 'metrics.m DESC', 'run_name DESC'], limit }),
          ],
          [
            ['b', 'd', 'a', 'c', 'e'],
            ['b', 'a', 'c', 'd', 'e'],
            ['d', 'e', 'b', 'a', 'c'],
            ['e', 'd', 'a', 'c', 'b'],
            ['e', 'd', 'c', 'b', 'a'],
          ],
        )
    })

    test(`${name}: what has no end, param or tag comes last in both directions`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      for (const run of ['a', 'b', 'c'])
        await tracking.run(id, { name: run, ...(run !== 'b' && { params: { p: run }, tags: { t: run } }) })
      const [a] = (
        await tracking.runs.search({ experiments: [id], filter: undefined, order: [], view: 'active' }, { limit: 1 })
      ).items
      await tracking.runs.update(a!.run.id, { endedAt: 5 as never, status: 'FINISHED' })

      const orders = ['params.p', 'params.p DESC', 'tags.t', 'tags.t DESC', 'end_time', 'end_time DESC']
      const found = []
      for (const order of orders) found.push((await tracking.found([id], { order: [order], limit: 2 })).join(''))

      assert.deepEqual(found, ['acb', 'cab', 'acb', 'cab', 'abc', 'abc'])
    })

    test(`${name}: conditions find what they say`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      const long = `${'x'.repeat(300)}é`
      const a = await tracking.run(id, {
        name: 'a',
        startedAt: 10,
        metrics: { m: 1.5, 'val/loss': -2 },
        params: { p: 'Adam', long },
        tags: { 'two words': 'yes' },
      })
      await tracking.run(id, { name: 'b', startedAt: 20, metrics: { m: Number.NaN }, params: { p: 'sgd' } })
      await tracking.run(id, { name: 'c', startedAt: 30, tags: { 'two words': 'no' } })
      const dataset = { name: 'rows', digest: 'd1', sourceType: 'local', source: '{}' }
      await tracking.inputs.addInputs(a, {
        datasets: [{ dataset, tags: [{ key: 'mlflow.data.context', value: 'train' }] }],
      })
      await tracking.runs.update(a, { status: 'FAILED' })

      const expected: Record<string, string> = {
        'metrics.m > 1': 'a',
        'metrics.m = 1.5': 'a',
        'metrics.m != 1.5': 'b',
        'metrics.m < 100': 'a',
        'metrics.m >= 1.5 and metrics.m <= 1.5': 'a',
        'metrics.`val/loss` < 0': 'a',
        'metrics.m IS NULL': 'c',
        'metrics.m IS NOT NULL': 'ba',
        "params.p = 'Adam'": 'a',
        "params.p LIKE 'A%'": 'a',
        "params.p LIKE 'a%'": '',
        "params.p ILIKE 'a%'": 'a',
        "params.p != 'Adam'": 'b',
        [`params.long = '${long}'`]: 'a',
        [`params.long = '${long}x'`]: '',
        'tags."two words" = \'no\'': 'c',
        "tags.nobody != 'x'": '',
        "status = 'FAILED'": 'a',
        "attributes.status != 'FAILED'": 'cb',
        "run_name = 'b'": 'b',
        "run_name IN ('a', 'c')": 'error',
        [`run_id IN ('${a}')`]: 'a',
        [`run_id NOT IN ('${a}')`]: 'cb',
        'start_time > 10 and start_time < 30': 'b',
        "dataset.name = 'rows' and dataset.context = 'train'": 'a',
        "dataset.digest != 'd1'": '',
        "metrics.m > 1 or run_name = 'c'": 'ca',
        "(params.p = 'sgd' or params.p = 'Adam') and start_time > 15": 'b',
        "artifact_uri LIKE 'mlflow-artifacts:%'": 'cba',
      }
      const found: Record<string, string> = {}
      for (const filter of Object.keys(expected))
        found[filter] = await tracking.found([id], { filter }).then(
          names => names.join(''),
          () => 'error',
        )
      assert.deepEqual(found, expected)
      // The same beside an order on the same key.
      assert.deepEqual(
        [
          await tracking.found([id], { filter: 'metrics.m > 1', order: ['metrics.m'] }),
          await tracking.found([id], { filter: 'metrics.m != 1.5', order: ['metrics.m DESC'] }),
          await tracking.found([id], { filter: 'metrics.m IS NULL', order: ['metrics.m'] }),
          await tracking.found([id], { filter: "params.p != 'x'", order: ['params.p DESC'] }),
        ],
        [['a'], ['b'], ['c'], ['b', 'a']],
      )
    })

    test(`${name}: what comes first of all is found behind rows that fulfil nothing`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const [a, b] = [
        await tracking.experiments.create({ name: 'a' }),
        await tracking.experiments.create({ name: 'b' }),
      ]
      for (const m of [0, 1, 2, 3, 4, 5])
        await tracking.run(a.id, { name: `a${m}`, metrics: { m }, tags: { good: m < 5 ? 'no' : 'yes' } })
      for (const m of [10, 11, 12]) await tracking.run(b.id, { name: `b${m}`, metrics: { m }, tags: { good: 'yes' } })

      const found = await tracking.found([a.id, b.id], { filter: "tags.good = 'yes'", order: ['metrics.m'], limit: 1 })

      assert.deepEqual(found, ['a5', 'b10', 'b11', 'b12'])
    })

    test(`${name}: several experiments are searched as one, and the trash apart`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const ids = []
      for (const n of [1, 2, 3]) {
        const { id } = await tracking.experiments.create({ name: `e${n}` })
        ids.push(id)
        for (const m of [n, n + 10]) await tracking.run(id, { name: `${n}/${m}`, startedAt: m, metrics: { m } })
      }
      await removeRun(tracking, ids[1]!, '2/12')

      assert.deepEqual(
        [
          await tracking.found(ids.slice(0, 2), { order: ['metrics.m DESC'], limit: 1 }),
          await tracking.found(ids, { order: ['metrics.m'], view: 'all', limit: 2 }),
          await tracking.found(ids, { view: 'deleted' }),
          await tracking.found([]),
          await tracking.found(['99', 'x']),
        ],
        [['1/11', '2/2', '1/1'], ['1/1', '2/2', '3/3', '1/11', '2/12', '3/13'], ['2/12'], [], []],
      )
    })

    test(`${name}: pages neither skip nor repeat a run while others are added`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      for (let n = 0; n < 20; n++) await tracking.run(id, { name: `r${n}`, metrics: { m: n % 3 } })
      const query = {
        experiments: [id],
        filter: undefined,
        order: [{ entity: 'metrics', key: 'm', descending: true }],
        view: 'active',
      } as const

      const names: string[] = []
      for (let after: string | undefined; ;) {
        const { items, next } = await tracking.runs.search(query, { limit: 3, after })
        names.push(...items.map(({ run }) => run.name))
        if (next === undefined) break
        after = next
        await tracking.run(id, { name: 'new', metrics: { m: 5 } })
      }

      assert.deepEqual(names.toSorted(), Array.from({ length: 20 }, (_, n) => `r${n}`).toSorted())
      await assert.rejects(tracking.runs.search(query, { limit: 3, after: 'nonsense' }), { code: 'invalid' })
    })

    test(`${name}: a random search finds what a plain sort of all runs does`, async t => {
      const tracking = await openTracking(t, engine, { candidatesMax })
      const { id } = await tracking.experiments.create({ name: 'e' })
      const all: { name: string; startedAt: number; m?: number; p?: string }[] = []
      let seed = 7
      const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most
      for (let n = 0; n < 60; n++) {
        const m = random(5) === 0 ? undefined : random(4)
        const p = random(4) === 0 ? undefined : 'xyz'[random(3)]!
        const run = {
          name: `r${n}`,
          startedAt: random(4),
          ...(m !== undefined && { m }),
          ...(p !== undefined && { p }),
        }
        all.push(run)
        await tracking.run(id, {
          ...run,
          ...(m !== undefined && { metrics: { m } }),
          ...(p !== undefined && { params: { p } }),
        })
      }
      const other = trackingOf(tracking.db, { candidatesMax })
      for (const [order, filter] of [
        [['metrics.m DESC', 'params.p'], undefined],
        [['params.p DESC', 'metrics.m'], 'metrics.m > 0'],
        [['params.p'], 'metrics.m != 2'],
        [['metrics.m'], "params.p = 'x' or metrics.m = 1"],
      ] as const) {
        const wanted = all
          .filter(run => !filter || predicates[filter]!(run))
          .toSorted((a, b) => compareRuns(a, b, order))
          .map(run => run.name)
        assert.deepEqual(await other.found([id], { order, ...(filter && { filter }), limit: 7 }), wanted, order.join())
      }
    })
  }
}

type Plain = { startedAt: number; m?: number; p?: string }

const predicates: Readonly<Record<string, (run: Plain) => boolean>> = {
  'metrics.m > 0': run => (run.m ?? 0) > 0,
  'metrics.m != 2': run => run.m !== undefined && run.m !== 2,
  "params.p = 'x' or metrics.m = 1": run => run.p === 'x' || run.m === 1,
}

function compareRuns(a: Plain, b: Plain, order: readonly string[]): number {
  for (const term of order) {
    const key = term.includes('metrics') ? 'm' : 'p'
    const [x, y] = [a[key], b[key]]
    if (x === y) continue
    if (x === undefined) return 1
    if (y === undefined) return -1
    return (x < y ? -1 : 1) * (term.endsWith('DESC') ? -1 : 1)
  }
  return b.startedAt - a.startedAt
}

async function removeRun({ runs }: TestTracking, experiment: string, name: string): Promise<void> {
  const query = { experiments: [experiment], filter: undefined, order: [], view: 'active' } as const
  const { items } = await runs.search(query, { limit: 100 })
  await runs.remove(items.find(({ run }) => run.name === name)!.run.id)
}
