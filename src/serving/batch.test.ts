import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import type { RowDataPacket } from 'mysql2'
import { createConnection as connect } from 'mysql2/promise'
import pg from 'pg'
import { computeMigrations, createCheckpoints, sqlCheckpointStore } from '#compute'
import { wallClock } from '#kernel/clock.ts'
import { literal, migrate, openDatabase, type Blobs } from '#storage'
import type { Run, TaskCall } from '#workflow'
import type { ProgressParts } from './batch-progress.ts'
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

const nothingKept = (): ProgressParts['checkpoints'] => ({
  find: async () => undefined,
  keep: async () => true,
  settle: async () => {},
})

const addresses = new Map<string, string>()

async function predict(
  { serving, blobs }: Bench,
  {
    csv,
    checkpoints = nothingKept(),
    number = 1,
    project = 'rain',
    run = 'run_1',
    ...params
  }: {
    csv: string
    checkpoints?: ProgressParts['checkpoints']
    number?: number
    project?: string
    run?: string
    format?: string
    secret?: string
    table?: string
    write?: string
  },
) {
  const secrets = {
    use: async ({ names }: { names: readonly string[] }) =>
      Object.fromEntries(names.map(name => [name, addresses.get(name) ?? 'nothing'])),
  }
  const lines: string[] = []
  const call = {
    run: { id: run, project } as Run,
    task: 'score',
    key: `${run}/score`,
    number,
    params: { deployment: 'rain', ...params },
    inputs: { rows: await blobs.put(csv) },
    signal: new AbortController().signal,
    log: (line: string) => void lines.push(line),
  } as unknown as TaskCall
  const result = await servingTasks({ serving, blobs, duckdb, secrets, checkpoints, noteMs: 0 })['serving.predict'](
    call,
  )
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

test('an attempt goes on behind the pages that the one before it has had', async t => {
  const bench = await opened
  const db = openDatabase('sqlite::memory:')
  t.after(() => db.destroy())
  await migrate(db, computeMigrations)
  const parts = { store: sqlCheckpointStore(db), blobs: bench.blobs, clock: wallClock, retentionMs: 60_000 }
  const checkpoints = createCheckpoints(parts)
  let asked = 0
  const ask: Bench['serving']['ask'] = question => {
    if (++asked === 10) throw new Error('The server was killed.')
    return bench.serving.ask(question)
  }
  const csv = (last: number): string =>
    `wind,rain\n${Array.from({ length: 8_999 }, (_, row) => `${row % 7},1`).join('\n')}\n${last},1\n`
  const attempt = (number: number, last: number) => {
    asked = number === 1 ? 1 : 100
    return predict({ ...bench, serving: { ...bench.serving, ask } }, { csv: csv(last), checkpoints, number })
  }

  await assert.rejects(attempt(1, 3), { message: 'The server was killed.' })
  const { lines, digest } = await attempt(2, 3)
  const calls = asked - 100
  const other = await attempt(3, 4)

  const rows = await rowsOf(bench.blobs, digest)
  assert.deepEqual(
    {
      lines,
      calls,
      rows: rows.map(({ prediction }) => Number(prediction).toFixed(5)),
      ids: new Set(rows.map(({ prediction_id: id }) => id)).size,
      other: other.lines,
    },
    {
      lines: [
        'The batch goes on behind 1 pages that were predicted before.',
        '8000 rows have been predicted.',
        '9000 rows have been predicted.',
      ],
      calls: 1,
      rows: [...Array.from({ length: 8_999 }, (_, row) => row % 7), 3].map(wind => sigmoid(wind - 1).toFixed(5)),
      ids: 9_000,
      other: ['8000 rows have been predicted.', '9000 rows have been predicted.'],
    },
  )
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

/** Databases that predictions go to, and how their tables are read there. */
const databases = {
  async sqlite(t: TestContext) {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-sink-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'warehouse.db')
    const read = async (query: string): Promise<unknown[]> => {
      const db = new DatabaseSync(path)
      const statement = db.prepare(query)
      statement.setReturnArrays(true)
      const rows = statement.all()
      db.close()
      return rows
    }
    return { url: `sqlite:${path}`, read }
  },
  async postgres(t: TestContext) {
    const url = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- tests take it from there
    if (!url) return undefined
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const schema = `sink_${process.pid}_${Date.now()}`
    await client.query(`create schema ${schema}`)
    t.after(async () => {
      await client.query(`drop schema ${schema} cascade`)
      await client.end()
    })
    const read = async (query: string): Promise<unknown[]> => {
      await client.query(`set search_path to ${schema}`)
      return (await client.query<unknown[]>({ text: query, rowMode: 'array' })).rows
    }
    return { url: `${url}?options=-c%20search_path%3D${schema}`, read }
  },
  async mariadb(t: TestContext) {
    const server = 'mysql://root@127.0.0.1:3306'
    const connection = await connect({ uri: server, rowsAsArray: true }).catch(() => undefined)
    if (!connection) return undefined
    const name = `sink_${process.pid}_${Date.now()}`
    await connection.query(`create database ${name}`)
    await connection.query(`use ${name}`)
    t.after(async () => {
      await connection.query(`drop database ${name}`)
      await connection.end()
    })
    const read = async (query: string): Promise<unknown[]> => {
      const [rows] = await connection.query<RowDataPacket[]>(query.replaceAll(' as text)', ' as char)'))
      return Array.isArray(rows) ? rows : []
    }
    return { url: `${server}/${name}`, read }
  },
}

for (const [name, open] of Object.entries(databases))
  test(`${name}: predictions are in a table once for each run, and a table is replaced as a whole`, async t => {
    const bench = await opened
    const database = await open(t)
    if (!database) return t.skip(`there is no ${name}`)
    addresses.set('warehouse.url', database.url)
    const csv = 'city,wind,rain,day,big\nSeattle,1,1,2026-11-29,9007199254740993\n"Ann, ""x""",2,1,,1\n'
    const sink = { csv, secret: 'warehouse.url', table: 'forecast' }

    const first = await predict(bench, sink)
    const again = await predict(bench, sink)
    await predict(bench, { ...sink, run: 'run_2' })
    assert.deepEqual(
      [first.lines.at(-1), again.lines.at(-1)],
      ['2 rows are in forecast.', 'forecast has the rows of this run already.'],
    )
    const rows = await database.read(
      'select city, cast(big as text), cast(day as text), prediction > 0.6, count(*) from forecast group by 1, 2, 3, 4 order by 1 desc',
    )
    const [no, yes, two] = name === 'postgres' ? [false, true, '2'] : [0, 1, 2]
    assert.deepEqual(rows, [
      ['Seattle', '9007199254740993', '2026-11-29', no, two],
      ['Ann, "x"', '1', null, yes, two],
    ])

    await database.read('create index forecast_wind on forecast (wind)')
    await database.read('create view windy as select wind, prediction from forecast where wind < 9')
    await predict(bench, { ...sink, csv: 'wind,rain\n0,0\n', run: 'run_3', write: 'replace' })
    const replaced = [[name === 'postgres' ? '0' : 0, 0.5]]
    assert.deepEqual(await database.read('select wind, prediction from forecast'), replaced)
    assert.deepEqual(await database.read('select * from windy'), replaced, 'who read the table still does')
    await assert.rejects(database.read('create index forecast_wind on forecast (wind)'), /forecast_wind/)
    const other = { ...sink, csv: 'wind,rain,gust\n0,0,1\n', run: 'run_4', write: 'replace' }
    await assert.rejects(predict(bench, other), { code: 'invalid', message: /gust/ })
    assert.deepEqual(await database.read('select wind, prediction from forecast'), replaced)
    const left = { sqlite: 'sqlite_master', postgres: 'pg_tables', mariadb: 'information_schema.tables' }[name]
    const named = { sqlite: 'name', postgres: 'tablename', mariadb: 'table_name' }[name]
    await predict(bench, { ...sink, run: 'run_4' })
    assert.deepEqual(
      await database.read(
        `select ${named} from ${left} where ${named} like 'trainyard%' and ${named} <> 'trainyard_load'`,
      ),
      [],
    )
    const message = (error: Error): string => error.message
    assert.match(await predict(bench, { ...sink, table: 'a b' }).then(String, message), /table = "a b"/)
    assert.match(await predict(bench, { csv, table: 'forecast' }).then(String, message), /score\.params\.secret/)
  })
