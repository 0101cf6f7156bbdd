import assert from 'node:assert/strict'
import { test } from 'node:test'
import { literal, type Blobs } from '#storage'
import type { Run, TaskCall } from '#workflow'
import { servingTasks } from './tasks.ts'
import { duckdb, fileHooks, makeBundle, openBench, sigmoid, type Bench } from './testing.ts'

const rowCount = 2_500
const winds = Array.from({ length: rowCount }, (_, row) => (row % 7) / 2)

const opened = openWinds()
async function openWinds(): Promise<Bench> {
  const bench = await openBench(fileHooks())
  await bench.deploy(await makeBundle(bench.blobs))
  return bench
}

async function predict(
  { serving, blobs }: Bench,
  { csv, project = 'rain', format }: { csv: string; project?: string; format?: string },
) {
  const lines: string[] = []
  const call = {
    run: { id: 'run_1', project } as Run,
    task: 'score',
    params: { deployment: 'rain', ...(format && { format }) },
    inputs: { rows: await blobs.put(csv) },
    signal: new AbortController().signal,
    log: (line: string) => void lines.push(line),
  } as unknown as TaskCall
  const result = await servingTasks({ serving, blobs, duckdb })['serving.predict'](call)
  assert.ok('outputs' in result)
  return { ...result.outputs!['predictions']!, lines }
}

const rowsOf = async (blobs: Blobs, digest: unknown) =>
  duckdb.query([`select * from read_parquet(${literal(await blobs.path(digest as never))})`])

test('each row of a table is predicted, in its place, beside what it was, and is in the log', async () => {
  const bench = await opened
  const csv = `city,wind,rain,prediction\n${winds.map((wind, row) => `c${row},${wind},1,old`).join('\n')}\n`
  const { digest, value, lines } = await predict(bench, { csv })
  const rows = await rowsOf(bench.blobs, digest)

  assert.deepEqual([value, lines], [rowCount, [`${rowCount} rows have been predicted.`]])
  assert.deepEqual(
    rows.map(({ city, prediction, prediction_predicted: score }) => [city, prediction, Number(score).toFixed(5)]),
    winds.map((wind, row) => [`c${row}`, 'old', sigmoid(wind - 1).toFixed(5)]),
  )
  const last = await bench.serving.prediction(rows.at(-1)!['prediction_id'] as string)
  assert.deepEqual([last.features['wind'], last.deployment], [winds.at(-1), 'rain'])
})

test('CSV comes out where it is asked for', async () => {
  const bench = await opened
  const { digest } = await predict(bench, { csv: 'wind,rain\n1,1\n', format: 'csv' })
  const text = (await bench.blobs.bytes(digest as never)).toString()
  assert.match(text, /^wind,rain,prediction,prediction_id\n1,1,0\.5,prd_[\w-]+\n$/)
})

test('what cannot be predicted is named, with its rows, and makes nothing', async () => {
  const bench = await opened
  const refusal = (csv: string, project?: string): Promise<string> =>
    predict(bench, { csv, ...(project && { project }) }).then(
      () => 'taken',
      (error: Error) => error.message,
    )
  const bad = winds.map((wind, row) => `${row === 1_200 ? '' : wind},1`).join('\n')
  assert.deepEqual(
    [
      await refusal(`wind,rain\n${bad}\n`),
      await refusal('rain\n1\n'),
      await refusal('wind,rain\n'),
      await refusal('wind,rain\n1,1\n', 'snow'),
    ],
    [
      'Rows 1001 to 2000, counted from the first of them: Input wind, row 201: null is not a finite number of 32 bits; missing values are not accepted.',
      'Rows 1 to 1, counted from the first of them: Missing inputs: wind. This deployment looks no features up.',
      'There is nothing to predict.\n  inputs.rows = "0 rows": at least one',
      'There is no deployment rain.',
    ],
  )
})
