import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { fitLogistic, predict } from './rain/tasks/logistic.ts'
import { toOnnx } from './rain/tasks/onnx.ts'
import { readTable } from './rain/tasks/table.ts'

/** The examples' SQL and model on the real data, by the engines of the platform. Their own tests need neither. */

const examples = import.meta.dirname
const weather = join(examples, '../node_modules/vega-datasets/data/weather.csv')
const sql = (path: string) => readFileSync(join(examples, 'rain', path), 'utf8')

const folder = mkdtempSync(join(tmpdir(), 'examples-'))
const duckdb = await DuckDBInstance.create(':memory:')
const connection = await duckdb.connect()
const query = async (text: string) => (await connection.runAndReadAll(text)).getRowObjectsJson()

/** Creates the tables features_<name> and labels_<name> from the rows of the file that `where` leaves. */
async function compute(name: string, where = 'true', csvOptions = '') {
  await query(`create or replace temp table source as from read_csv('${weather}'${csvOptions}) where ${where}`)
  await query(`create or replace temp table transformed as ${sql('features/transform.sql')}`)
  await query(`create temp table features_${name} as ${sql('features/engineer.sql')}`)
  await query(`create temp table labels_${name} as ${sql('labels/rain-tomorrow.sql')}`)
}

before(() => compute('all'))
after(() => {
  connection.closeSync()
  rmSync(folder, { recursive: true })
})

test('the rain SQL gives one row for each city and day, and a label for each but the last', async () => {
  const rows = await query(`
    select city, count(*)::int as evenings, count(label)::int as labels, max(event_time)::text as last_evening,
      max(known_at)::text as last_known, avg(label) between 0.3 and 0.5 as plausible
    from features_all left join labels_all using (city, event_time) group by city order by city`)

  const facts = { evenings: 1461, labels: 1460, last_evening: '2015-12-31 23:59:00', last_known: '2015-12-31 23:59:00' }
  assert.deepEqual(rows, [
    { city: 'New York', ...facts, plausible: true },
    { city: 'Seattle', ...facts, plausible: true },
  ])
})

test('no rain feature changes when later days become known', async () => {
  for (const day of ['2012-01-01', '2012-01-09', '2013-02-28', '2014-12-31', '2015-07-04']) {
    const name = `until_${day.replaceAll('-', '_')}`
    await compute(name, `date <= '${day}'`)

    const seen = `select * from features_all where event_time < date '${day}' + 1`
    assert.deepEqual(
      await query(`(from features_${name} except ${seen}) union all (${seen} except from features_${name})`),
      [],
    )
    assert.deepEqual(await query(`from labels_${name} except from labels_all`), [])
    assert.deepEqual(await query(`from labels_${name} where known_at >= date '${day}' + 1`), [])
  }
})

test('the rain SQL reads text columns as well as typed ones', async () => {
  await compute('text', 'true', ', all_varchar = true')

  assert.deepEqual(await query('from features_all except from features_text'), [])
  assert.deepEqual(await query('from labels_all except from labels_text'), [])
})

test('the rain ONNX file predicts what the training library predicts, and better than the share of wet days', async () => {
  const split = async (name: string, where: string) => {
    const rows = 'from features_all join labels_all using (city, event_time)'
    const path = join(folder, `${name}.csv`)
    await query(`copy (select features_all.*, label ${rows} where ${where} order by event_time) to '${path}' (header)`)
    return readTable(path)
  }
  const train = await split('train', `city = 'Seattle' and event_time < '2013-12-31'`)
  const { features, x, y } = await split('test', `city = 'Seattle' and year(event_time) = 2014`)
  const model = fitLogistic(train, 0.3)
  const session = await InferenceSession.create(toOnnx(features, model))

  const column = (j: number) =>
    new Tensor(
      'float32',
      x.map(row => row[j]!),
      [x.length, 1],
    )
  const { probability } = await session.run(Object.fromEntries(features.map((name, j) => [name, column(j)])))
  const served = Array.from(probability!.data as Float32Array)

  const difference = Math.max(...predict(model, x).map((p, i) => Math.abs(p - served[i]!)))
  assert.ok(difference < 1e-6, `differs by ${difference}`)
  assert.deepEqual(probability!.dims, [x.length, 1])
  const brier = served.reduce((sum, p, i) => sum + (p - y[i]!) ** 2, 0) / y.length
  // Measured: 0.184; to say the share of wet days every day would score 0.242.
  assert.ok(brier > 0.18 && brier < 0.19, `Brier score ${brier}`)
})

test('both rain projects have the same SQL', () => {
  for (const folder of ['features', 'labels']) {
    const read = (project: string) =>
      readdirSync(join(examples, project, folder)).map(file => [
        file,
        readFileSync(join(examples, project, folder, file), 'utf8'),
      ])
    assert.deepEqual(read('rain-python'), read('rain'))
  }
})
