import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fsBlobs } from '#storage'
import { isRunning, processTicks } from './process-ticks.ts'
import { rehearse, type Programme, type Replay } from './rehearsal.ts'
import { routesFile } from './routes-file.ts'
import type { Check } from './check.ts'
import { keptPlacement } from './server/kept-placement.ts'
import { placementOf } from './server/placement.ts'
import { serverMain, startServer, stopServer } from './server-process.ts'
import { interpreters, makeBundle, sigmoid, workers, type BundleSpec } from './testing.ts'

async function rehearsal(t: TestContext, spec: BundleSpec = {}, more: Partial<Programme> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  t.after(() => rm(folder, { recursive: true }))
  const blobs = fsBlobs(folder)
  return rehearse({
    blobs,
    bundle: await makeBundle(blobs, spec),
    version: '0',
    workers: { ...workers, hidden: [] },
    interpreters,
    programme: { requests: 200, rows: { recorded: [], known: [] }, ...more },
  })
}

test('a good bundle gives known answers, runs its serving code and refuses what is wrong', async t => {
  const { passed, checks } = await rehearsal(t, {
    code: `export const postprocess = ({ probability }) => ({ advice: probability.map(String) })`,
  })

  assert.deepEqual(
    [passed, checks],
    [
      true,
      [
        { name: 'load', passed: true, found: 'The model server has loaded the bundle.' },
        { name: 'golden', passed: true, found: '1 known rows got their known answers.' },
        { name: 'serving code', passed: true, found: 'serving/answer.ts adds advice.' },
        { name: 'wrong shape', passed: true, found: 'Input wind: shape [1,7], expected FP32 with shape [N,1] or [N].' },
        {
          name: 'missing value',
          passed: true,
          found: 'Input wind, row 1: null is not a finite number of 32 bits; missing values are not accepted.',
        },
        { name: 'unknown input', passed: true, found: 'Input "no_such_input" is unknown; the inputs are wind, rain.' },
        {
          name: 'smoke',
          passed: true,
          found: 'None of 200 requests (200 of known values) failed; by that at most 1.5 % do, at 95 %.',
        },
      ],
    ],
  )
})

test('requests to the champion are asked again, and those it fails at are found one by one', async t => {
  const rows = Array.from({ length: 300 }, (_, row) => ({
    inputs: { wind: row / 100, rain: 1 },
    outputs: { probability: Math.fround(sigmoid(row / 100 - 1)) },
    truth: row > 100 ? 1 : 0,
  }))
  const last = async (replayed: Replay['rows']) =>
    (await rehearsal(t, {}, { replay: { rows: replayed, rules: { psi: 0.25 } } })).checks.at(-1)
  const refused = rows.map((row, at) => (at % 50 === 7 ? { ...row, inputs: { wind: 1e39, rain: 1 } } : row))

  assert.deepEqual(
    [await last(rows), await last(refused)],
    [
      {
        name: 'replay',
        passed: true,
        found:
          'Of 300 requests to the champion it says the same to 300; the index of probability is 0.000; of none the truth tells them apart.',
      },
      {
        name: 'replay',
        passed: false,
        found: 'It fails at 6 of 300 requests that the champion has answered.',
      },
    ],
  )
  for (const rest of [{}, { rain: 'a keyed hash' }])
    assert.match(
      (await last(rows.map(row => ({ ...row, inputs: { wind: 1, ...rest } }))))!.found,
      /The log does not have rain: nothing is replayed/,
    )
})

test('a challenger may cost twice as much as the champion, as this machine has measured both', async t => {
  const champion = await mkdtemp(join(tmpdir(), 'trainyard-'))
  t.after(() => rm(champion, { recursive: true }))
  const last = async () => {
    const { passed, checks } = await rehearsal(t, {}, { cost: { champion, most: 2 } })
    return [passed, checks.at(-1)]
  }
  const unknown = await last()
  await keptPlacement(champion, { weigh: async () => placementOf(1_000), mayTurn: async () => false })
  const [passed, check] = await last()

  assert.deepEqual(unknown, [
    true,
    { name: 'cost', passed: true, found: 'What a row takes has not been measured of both: nothing is compared.' },
  ])
  assert.equal(passed, true)
  assert.match((check as Check).found, /^A row takes [0-9.e-]+ ms, [0-9.e-]+ times as long as with the champion\.$/)
})

test('a model that fails at some of many requests fails the rehearsal, whatever it answers to the known ones', async t => {
  const { passed, checks } = await rehearsal(
    t,
    {
      code: 'export const postprocess = ({ probability }) => { if (probability[0] > 0.9) throw new Error("calm"); return { strong: probability.map(String) } }',
    },
    { requests: 30, rows: { recorded: [{ wind: 9, rain: 0 }, { wind: 1 }, { wind: 'a3f', rain: 0 }], known: [] } },
  )

  assert.equal(passed, false)
  assert.deepEqual(checks.at(-1), {
    name: 'smoke',
    passed: false,
    found: '1 of 30 requests failed, one with 500: Revision 1 of rehearsal failed: calm',
  })
})

test('another answer than the known one fails the rehearsal, and says which', async t => {
  const { passed, checks } = await rehearsal(t, {
    change: { golden: [{ inputs: { wind: 0, rain: 0 }, outputs: { probability: 0.5001 } }] },
  })

  assert.deepEqual(
    [passed, checks[1]],
    [false, { name: 'golden', passed: false, found: 'Row 1, output probability: 0.5 instead of 0.5001.' }],
  )
})

test('serving code that throws or does not load fails the rehearsal', async t => {
  const throwing = await rehearsal(t, { code: `export const postprocess = () => { throw new Error('no umbrella') }` })
  const broken = await rehearsal(t, { code: 'export const postprocess = (' })

  assert.deepEqual(
    throwing.checks.filter(({ passed }) => !passed).map(({ name }) => name),
    ['golden', 'serving code'],
  )
  assert.deepEqual([broken.passed, broken.checks.map(({ name }) => name)], [false, ['load']])
})

test('code that makes inputs of what requests send is tried on its example', async t => {
  const preprocess = { takes: { knots: 'FP64' as const }, gives: ['wind'], example: { knots: 4 } }
  const found = async (code: string) => {
    const { checks } = await rehearsal(t, { code, change: { preprocess } })
    const { passed, found: said } = checks.find(({ name }) => name === 'serving code')!
    return [passed, said]
  }
  const halves = 'export const preprocess = ({ knots }) => ({ wind: knots.map(value => value / 2) });'

  assert.deepEqual(
    [
      await found(halves),
      await found(`${halves} export const postprocess = ({ probability }) => ({ advice: probability.map(String) })`),
      await found('export const preprocess = ({ knots }) => ({ wind: knots.map(value => value.mph) })'),
      await found('export const preprocess = () => ({ wind: [] })'),
    ],
    [
      [true, 'serving/answer.ts makes wind.'],
      [true, 'serving/answer.ts makes wind and adds advice.'],
      [false, 'Input wind, row 1: nothing is not a finite number of 32 bits; missing values are not accepted.'],
      [
        false,
        'Revision 1 of rehearsal failed: Serving code: input wind must be a list with one value for each of 1 rows.',
      ],
    ],
  )
})

test('a server for a rehearsal ends when the process ends that wanted it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  await writeFile(routesFile(folder), JSON.stringify({ version: 1, deployments: [], preload: [] }))
  const owner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'])
  t.after(() => owner.kill())
  const until = { pid: owner.pid!, ticks: processTicks(owner.pid!)! }
  const wanted = { host: '127.0.0.1', port: 0, online: '', version: '0', isLogged: false, main: serverMain }
  const server = await startServer(folder, { ...wanted, workers: { ...workers, hidden: [] }, until })
  t.after(() => stopServer(server))
  assert.equal(isRunning(server), true)

  owner.kill('SIGKILL')
  for (const late = Date.now() + 10_000; isRunning(server) && Date.now() < late;) await sleep(50)
  assert.equal(isRunning(server), false)
})
