import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import type { DecidedMove, Delivered, DeliveryStore, Rollout } from './store.ts'

/** What every {@link DeliveryStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function deliveryStoreContract(name: string, open: (t: TestContext) => Promise<DeliveryStore>): void {
  const delivered = (run: string): Delivered => ({
    run,
    project: 'rain',
    commit: 'c0ffee',
    code: digestOf('x'),
    revision: 'prv_1',
    at: 1_000 as Millis,
  })
  const rollout: Rollout = {
    run: 'run_1',
    deployment: 'rain',
    revision: 'rev_1',
    version: 'mdv_1',
    outcome: 'promoted',
    reason: 'Nothing was rejected.',
    at: 1_000 as Millis,
  }

  test(`${name}: a run delivers once, however often it says so`, async t => {
    const store = await open(t)
    let within = 0

    for (const run of ['a', 'a', 'b']) await store.deliver(delivered(run), async () => void within++)

    assert.deepEqual(
      [within, await store.delivered(['a', 'c']), await store.delivered([])],
      [2, new Map([['a', delivered('a')]]), new Map()],
    )
  })

  test(`${name}: a run concludes once, and not at all when what is written beside it fails`, async t => {
    const store = await open(t)
    let within = 0

    await assert.rejects(
      store.conclude(rollout, async () => Promise.reject(new Error('full'))),
      /full/,
    )
    for (let time = 0; time < 2; time++) await store.conclude(rollout, async () => void within++)

    assert.equal(within, 1)
  })

  test(`${name}: what was decided of canaries is in order, by run and by deployment`, async t => {
    const store = await open(t)
    const move = (change: Partial<DecidedMove>): DecidedMove => ({
      run: 'run_1',
      deployment: 'rain',
      revision: 'rev_1',
      move: 'begin',
      weight: 0.5,
      at: 2_000 as Millis,
      actor: 'ada',
      reason: 'It begins.',
      since: 1_000 as Millis,
      requests: 3,
      errors: 1,
      controlRequests: 900,
      controlErrors: 2,
      slow: 4,
      controlSlow: 5,
      late: 2,
      controlLate: 1,
      burn: 14.5,
      verdict: 'continue',
      evidence: -0.25,
      slowEvidence: 0.5,
      policy: 'p',
      ...change,
    })
    const made = [
      move({}),
      move({ move: 'advance', weight: 5 }),
      move({ run: 'run_2', at: 3_000 as Millis }),
      move({ run: 'run_3', deployment: 'hail' }),
    ]
    for (const each of made) await store.addMove(each)

    assert.deepEqual(
      [await store.movesOf('run_1'), await store.moves('rain', 2), await store.movesOf('run_9')],
      [[made[0], made[1]], [made[2], made[1]], []],
    )
  })

  test(`${name}: what became of a conversion is what was noted last`, async t => {
    const store = await open(t)
    const none = { version: 'mdv_1', outcome: 'none', reason: 'No converter.', at: 1_000 as Millis } as const
    const faster = {
      version: 'mdv_1',
      outcome: 'faster',
      reason: 'Equal.',
      onnx: digestOf('onnx'),
      bytes: 12,
      rows: 1_000,
      sample: 'training data',
      maxDelta: 1.25e-7,
      differing: 0,
      onnxMs: 0.015625,
      pythonMs: 0.5,
      at: 2_000 as Millis,
    } as const

    await store.keepConversion(none)
    const before = await store.conversion('mdv_1')
    await store.keepConversion(faster)

    assert.deepEqual(
      [before, await store.conversion('mdv_1'), await store.conversion('mdv_2')],
      [none, faster, undefined],
    )
  })
}
