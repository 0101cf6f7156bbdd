import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { fileHooks, makeBundle, openBench, sigmoid, type Bench } from '../../src/serving/testing.ts'
import { uvFolder } from '../mlflow/environment.ts'

/** Packages of a deployment, installed into empty folders as their users do, beside the server that they are copies of. */

const run = promisify(execFile)
const limits = { timeout: 400_000 }
const requirements = join(import.meta.dirname, '../mlflow/requirements/embedded.txt')

const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const openRain = (): Promise<Bench> =>
  (opening ??= (async () => {
    const bench = await openBench(hooks)
    const input = (name: string, datatype: string) => ({ name, datatype, shape: [-1, 1] })
    const signature = {
      inputs: [input('wind', 'FP32'), input('rain', 'FP32')],
      outputs: [input('probability', 'FP32')],
    }
    const inputs = { rain: { missing: 'default', default: 0.25, min: 0, max: 50 } } as const
    const request = {
      view: 'storm',
      path: 'storm.sql',
      sql: `select mm * 2 + hour(since AT TIME ZONE 'Asia/Kolkata') / 10 + length(place) + date_diff('day', since, event_time) as rain from request`,
      columns: { mm: 'number', since: 'timestamp', place: 'string' },
      reads: [],
      fields: ['rain'],
    } as const
    const service = {
      entityKey: 'city',
      views: [],
      requests: [{ ...request, reads: [], fields: ['rain'] }],
    }
    await bench.deploy(await makeBundle(bench.blobs, { change: { signature, inputs, service } }))
    return bench
  })())

/** Right rows, and everything that can be wrong with one. */
const cases: readonly unknown[] = [
  [
    { wind: 1.5, rain: 0.1 },
    { wind: -3, rain: 20 },
  ],
  [{ wind: 2, rain: null }, { wind: 2 }],
  [{ wind: 0.1 + 0.2, rain: 1, city: 'Seattle', event_time: '2026-11-29T06:00:00Z' }],
  [{ rain: 1 }],
  [{ wind: null, rain: 1 }],
  [
    { wind: 1, rain: 1 },
    { wind: 'much', rain: 1 },
  ],
  [{ wind: 1e39, rain: 1 }],
  [{ wind: 1e-7, rain: 60.5 }],
  [{ wind: true, rain: 1 }],
  [{ wind: { a: [1, 'x'] }, rain: 1 }],
  [{ wind: 'x'.repeat(80), rain: 1 }],
  [{ wind: 1, rain: -1 }],
  [{ wind: 1, rain: 1, event_time: 'soon' }],
  [5],
  [],
  [
    { wind: 1, mm: 0.1, since: '2026-11-28T20:15:00+01:00', place: 'Pune', event_time: '2026-11-29T06:00:00Z' },
    { wind: 1, mm: 1e-7, since: 1_764_400_000_123, place: '😀', event_time: 1_764_400_000_124 },
  ],
  [{ wind: 1, mm: 2, since: '2026-02-30', place: 'Pune' }],
  [{ wind: 1, mm: '2', since: '2026-02-28', place: 'Pune' }],
  [{ wind: 1, mm: 2, since: '2026-02-28' }],
]

interface Seen {
  readonly seen: readonly { error?: string; predictions?: unknown; filled?: string[]; ids?: string[] }[]
  readonly telemetry: { sent: number; refused: number; dropped: number; error?: string }
}

async function atServer({ serving }: Bench): Promise<Seen['seen']> {
  return Promise.all(
    cases.map(async rows => {
      const response = await fetch(`${serving.url()}/invocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ dataframe_records: rows }),
      })
      const { error, predictions } = (await response.json()) as { error?: string; predictions?: unknown }
      const filled = response.headers.get('x-trainyard-filled')?.split(',') ?? []
      return error === undefined ? { predictions, filled } : { error }
    }),
  )
}

async function freshFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-embedded-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Answers how a program in the folder is started that knows the package. */
async function install({ serving }: Bench, kind: 'npm' | 'wheel', folder: string): Promise<readonly [string, string]> {
  const { name, bytes } = await serving.embedded('rain', { kind })
  await writeFile(join(folder, name), bytes)
  const program = join(folder, kind === 'npm' ? 'embedded.mjs' : 'embedded.py')
  await copyFile(join(import.meta.dirname, kind === 'npm' ? 'embedded.mjs' : 'embedded.py'), program)
  const options = { cwd: folder, timeout: 300_000 }
  if (kind === 'npm') {
    await writeFile(join(folder, '.npmrc'), 'onnxruntime-node-install=skip\n')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${name}`], options)
    return [process.execPath, program]
  }
  const uv = join(await uvFolder(), 'bin/uv')
  const python = join(folder, 'venv/bin/python')
  await run(uv, ['venv', '--quiet', '--python', 'python3', 'venv'], options)
  await run(uv, ['pip', 'install', '--quiet', '--python', python, '-c', requirements, name], options)
  return [python, program]
}

async function ask([program, script]: readonly [string, string], asked: unknown, telemetry: unknown): Promise<Seen> {
  const { stdout } = await run(program, [script, JSON.stringify(asked), JSON.stringify(telemetry)], { timeout: 60_000 })
  return JSON.parse(stdout) as Seen
}

for (const kind of ['npm', 'wheel'] as const)
  test(
    `${kind}: a copy answers and refuses as the server does, and what it answered is in the log once`,
    limits,
    async t => {
      const bench = await openRain()
      const folder = await freshFolder(t)
      const program = await install(bench, kind, folder)
      const spool = join(folder, 'spool')
      const telemetry = { url: bench.serving.url(), folder: spool }

      const { seen, telemetry: told } = await ask(program, cases, telemetry)

      assert.deepEqual(
        seen.map(({ ids: _, ...rest }) => rest),
        await atServer(bench),
      )
      assert.deepEqual(told, { sent: 8, refused: 0, dropped: 0 })
      const ids = seen.flatMap(({ ids: given = [] }) => given)
      await bench.serving.collect()
      const logged = await Promise.all(ids.map(id => bench.serving.prediction(id)))
      assert.deepEqual(
        logged.map(({ features, outputs, deployment }) => [features['rain'], Object.keys(outputs), deployment]),
        [0.1, 20, 0.25, 0.25, 1, 5.2, 2.2000002, 0.25].map(rain => [rain, ['probability'], 'rain']),
      )
      assert.equal(logged[4]!.eventTime, Date.parse('2026-11-29T06:00:00Z'))
    },
  )

test('npm: code before and after the model runs in a copy as at the server', limits, async t => {
  const bench = await openBench(t)
  const code = `export const preprocess = ({ knots }: { knots: readonly number[] }) => ({ wind: knots.map(value => value / 2) })
    export const postprocess = ({ probability }: { probability: readonly number[] }) => ({ advice: probability.map(p => p > 0.5 ? 'take' : 'leave') })`
  const preprocess = { takes: { knots: 'FP64' as const }, gives: ['wind'], example: { knots: 4 } }
  await bench.deploy(await makeBundle(bench.blobs, { code, change: { preprocess } }))
  const program = await install(bench, 'npm', await freshFolder(t))

  const { seen } = await ask(program, [[{ knots: 4, rain: 1 }], [{ rain: 1 }]], false)

  assert.deepEqual(
    seen.map(({ predictions, error }) => predictions ?? error),
    [
      [{ probability: Math.fround(sigmoid(1)), advice: 'take' }],
      'Missing input: knots (FP64). It must be sent, or wind, which is made of it.',
    ],
  )
})

for (const kind of ['npm', 'wheel'] as const)
  test(
    `${kind}: what is answered while the platform is away waits in files, and is told by the next process`,
    limits,
    async t => {
      const bench = await openRain()
      const folder = await freshFolder(t)
      const program = await install(bench, kind, folder)
      const spool = join(folder, 'spool')
      const rows = [[{ wind: 1, rain: 1 }], [{ wind: 2, rain: 1 }]]

      const away = await ask(program, rows, { url: 'http://127.0.0.1:9', folder: spool })
      const back = await ask(program, [[{ wind: 3, rain: 1 }]], { url: bench.serving.url(), folder: spool })

      assert.deepEqual([away.telemetry.sent, back.telemetry], [0, { sent: 3, refused: 0, dropped: 0 }])
      assert.equal(typeof away.telemetry.error, 'string')
      const ids = [...away.seen, ...back.seen].flatMap(({ ids: given = [] }) => given)
      await bench.serving.collect()
      assert.equal((await bench.serving.predictionsById(ids)).length, 3)

      const full = await ask(program, rows, {
        url: 'http://127.0.0.1:9',
        folder: join(folder, 'full'),
        [kind === 'npm' ? 'bytesMax' : 'bytes_max']: 10,
      })
      assert.equal(full.telemetry.dropped, 2)
      const nowhere = await ask(program, rows, { url: bench.serving.url(), folder: join(program[1], 'below') })
      assert.deepEqual([nowhere.telemetry.dropped, nowhere.seen.length], [2, 2])
    },
  )
