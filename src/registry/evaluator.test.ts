import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import type { GateSpec } from '#project'
import { createDuckdb } from '#storage'
import { evaluateModel, type Evaluation, type EvaluationRequest } from './evaluator.ts'
import { logisticOnnx, type LogisticSpec } from './logistic-onnx.ts'
import { createOnnx } from './onnx.ts'

const gate: GateSpec = { metric: 'brier', threshold: 0.25, notWorseThanChampion: true, margin: 0 }
const good: LogisticSpec = { weights: { wind: 2, noise: 0 }, intercept: 0 }
const poor: LogisticSpec = { weights: { wind: 0.1, noise: 0 }, intercept: 0 }

/** Wind decides: it rains when it is above 0. Every tenth day is the other way round. */
const rows = Array.from({ length: 200 }, (_, i) => {
  const wind = ((i * 37) % 100) / 25 - 2
  return {
    city: 'seattle',
    event_time: `2015-01-01 00:${String(i % 60).padStart(2, '0')}:00`,
    wind,
    noise: i % 7,
    label: wind > 0 === (i % 10 !== 3) ? 1 : 0,
  }
})
const csv = (lines: readonly object[]): string =>
  [Object.keys(lines[0]!).join(','), ...lines.map(line => Object.values(line).join(','))].join('\n')

// One process of each for all tests of this file: they keep nothing from one call to the next.
const [onnx, duckdb] = [createOnnx(), createDuckdb({ threads: 1 })]
after(() => {
  onnx.stop()
  duckdb.stop()
})

interface Bench {
  evaluate(
    spec: LogisticSpec,
    test: string,
    change?: Partial<EvaluationRequest> & { champion_?: LogisticSpec },
  ): Promise<Evaluation>
}

async function open(t: TestContext): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  t.after(() => rm(folder, { recursive: true }))
  const contender = async (spec: LogisticSpec, name: string) => {
    // A path never has other bytes: models are kept by digest.
    const file = { path: join(folder, `${randomUUID()}.onnx`), name }
    await writeFile(file.path, logisticOnnx(spec))
    return { file, signature: await onnx.inspect(file) }
  }
  return {
    async evaluate(spec, text, { champion_, ...change } = {}) {
      const path = join(folder, 'test.csv')
      await writeFile(path, text)
      const challenger = await contender(spec, 'challenger')
      const champion = champion_ && { ...(await contender(champion_, 'champion')), id: 'mdv_champion', number: 3 }
      return evaluateModel(
        { onnx, duckdb },
        { challenger, champion, test: path, task: 'binary_classification', gate, ...change },
      )
    },
  }
}

test('an evaluation has every metric of the task, and the importance of what the model really uses', async (t: TestContext) => {
  const bench = await open(t)

  const evaluation = await bench.evaluate(good, csv(rows))

  assert.deepEqual(Object.keys(evaluation.metrics), [
    'brier',
    'log_loss',
    'auc',
    'accuracy',
    'f1',
    'precision',
    'recall',
    'loss_mean',
    'loss_sd',
  ])
  assert.equal(
    evaluation.metrics['accuracy'],
    rows.filter(({ wind, label }) => (wind >= 0 ? 1 : 0) === label).length / 200,
  )
  assert.ok(Math.abs(evaluation.metrics['loss_mean']! - evaluation.metrics['brier']!) < 1e-12)
  assert.ok(evaluation.importance['wind']! > 0.1)
  assert.ok(Math.abs(evaluation.importance['noise']!) < 1e-9)
  assert.deepEqual(
    [evaluation.rows, evaluation.from, evaluation.to, evaluation.gate.passed],
    [200, Date.UTC(2015, 0, 1), Date.UTC(2015, 0, 1, 0, 59), true],
  )
})

test('the champion is judged on the same rows, and the better of the two passes the gate', async (t: TestContext) => {
  const bench = await open(t)

  const better = await bench.evaluate(good, csv(rows), { champion_: poor })
  const worse = await bench.evaluate(poor, csv(rows), { champion_: good })

  assert.deepEqual([better.gate.passed, worse.gate.passed], [true, false])
  assert.ok(better.difference!.upper < 0 && worse.difference!.lower > 0)
  assert.ok(
    Math.abs(better.difference!.difference - (better.metrics['brier']! - better.champion!.metrics['brier']!)) < 1e-9,
  )
  assert.deepEqual(better.champion && [better.champion.version, better.champion.number, better.difference!.loss], [
    'mdv_champion',
    3,
    'squared_error',
  ])
  assert.deepEqual(await bench.evaluate(good, csv(rows), { champion_: poor }), better)
})

test('a champion that needs a column which the rows do not have holds the challenger back', async t => {
  const bench = await open(t)

  const { gate: verdict, champion } = await bench.evaluate(good, csv(rows), {
    champion_: { weights: { sun: 1 }, intercept: 0 },
  })

  assert.deepEqual([verdict.passed, champion], [false, undefined])
  assert.match(verdict.rules[3]!.measured, /version 3, needs sun/)
})

test('rows that the model server would refuse are left out and counted', async t => {
  const bench = await open(t)

  const { rows: count, gate: verdict } = await bench.evaluate(
    good,
    `${csv(rows)}\nseattle,2015-01-02,,1,0\nseattle,2015-01-02,NaN,1,1`,
  )

  assert.equal(count, 200)
  assert.equal(verdict.rules[0]!.measured, '200 usable answers; 2 rows without all features were left out')
})

test('each thing that is wrong with the rows is named with its column and row', async t => {
  const bench = await open(t)
  const lines = csv(rows.slice(0, 3))

  await assert.rejects(bench.evaluate(good, lines.replace('noise', 'sun')), {
    code: 'invalid',
    message: /noise: a column of the test rows: city, event_time, wind, sun, label/,
  })
  await assert.rejects(bench.evaluate(good, `${lines}\nseattle,2015-01-02,strong,1,1`), {
    code: 'invalid',
    message: /row 4, column wind = "strong": a number/,
  })
  await assert.rejects(bench.evaluate(good, `${lines}\nseattle,2015-01-02,1,1,2`), {
    code: 'invalid',
    message: /row 4, column label = "2": 0 or 1/,
  })
  await assert.rejects(bench.evaluate(good, `${lines}\nseattle,2015-01-02,1,1,`), {
    code: 'invalid',
    message: /row 4, column label/,
  })
  await assert.rejects(bench.evaluate(good, lines.split('\n')[0]!), { code: 'invalid', message: /test = "0 rows"/ })
  await assert.rejects(bench.evaluate(good, ''), { code: 'invalid' })
})

test('an answer that is no probability fails the gate without a metric', async t => {
  const bench = await open(t)

  const { metrics, gate: verdict, importance } = await bench.evaluate({ ...good, output: 'prediction' }, csv(rows))

  assert.deepEqual([metrics, importance, verdict.passed], [{}, {}, false])
  assert.match(verdict.rules[0]!.measured, / in row \d+$/)
})

test('a regression is measured in the unit of its label', async t => {
  const bench = await open(t)
  const exact = rows.map(({ wind, noise }) => ({ wind, noise, label: 2 * wind + 0.5 }))

  const { metrics } = await bench.evaluate({ ...good, intercept: 0, output: 'prediction' }, csv(exact), {
    task: 'regression',
    gate: { ...gate, metric: 'mae', threshold: 1 },
  })

  assert.deepEqual(
    Object.entries(metrics).map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]),
    [
      ['mae', 0.5],
      ['rmse', 0.5],
      ['bias', -0.5],
      ['r2', 0.9531],
      ['loss_mean', 0.5],
      ['loss_sd', 0],
    ],
  )
})

test('slices, fairness, latency and size are measured where the gate asks for them', async t => {
  const bench = await open(t)
  const cities = rows.map((row, i) => ({
    ...row,
    city: i % 4 === 0 ? 'new york' : 'seattle',
    label: i % 4 === 0 ? 1 - row.label : row.label,
  }))

  const {
    gate: verdict,
    slices,
    fairness,
    latency,
  } = await bench.evaluate(good, csv(cities), {
    champion_: good,
    gate: {
      ...gate,
      threshold: 0.5,
      slices: [{ column: 'city', threshold: 0.25, rowsMin: 30 }],
      fairness: [{ column: 'city', measure: 'equal_opportunity', max: 0.1, rowsMin: 30 }],
      latency: 1_000,
      size: 1,
      compatible: true,
    },
  })

  assert.deepEqual(
    [
      slices!.map(({ value, rows: count, difference }) => [value, count, difference!.difference]),
      fairness!.map(({ groups, difference }) => [groups, difference! > 0.5]),
      latency!.p50 > 0 && latency!.p99 >= latency!.p50,
      verdict.rules.filter(({ passed }) => !passed).map(({ rule }) => rule),
    ],
    [
      [
        ['new york', 50, 0],
        ['seattle', 150, 0],
      ],
      [[2, true]],
      true,
      ['slice city = new york', 'fairness of city'],
    ],
  )
})

test('a column that the gate slices by and the rows do not have is named', async t => {
  const bench = await open(t)

  await assert.rejects(
    bench.evaluate(good, csv(rows), { gate: { ...gate, slices: [{ column: 'country', rowsMin: 30 }] } }),
    { code: 'invalid', message: /country/ },
  )
})

test('a column with a value for every few rows is no way to slice', async t => {
  const bench = await open(t)
  const many = Array.from({ length: 402 }, (_, i) => ({ ...rows[i % rows.length]!, station: `s${i >> 1}` }))

  await assert.rejects(
    bench.evaluate(good, csv(many), { gate: { ...gate, slices: [{ column: 'station', rowsMin: 2 }] } }),
    { code: 'invalid', message: /station = "201 values with 2 rows": 200 at most/ },
  )
})
