import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { bed } from './contract-bed.ts'
import type { RunTask } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import { task } from './testing.ts'

const succeeded: Outcome = { state: 'succeeded', outputs: {}, metrics: {} }
const failed: Outcome = { state: 'failed', error: 'no' }
const skipped: Outcome = { state: 'skipped', reason: 'Not today.' }

/** What becomes of the tasks behind others, and at the end of a run. */
export function behindContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  /** Runs all that is due, in order, each to the outcome that is given for it or to success, until nothing is. */
  async function play(t: TestContext, tasks: Readonly<Record<string, RunTask>>, outcomes: Record<string, Outcome>) {
    const one = await bed(open, t, tasks)
    const ran: string[] = []
    const go = async (more: Record<string, Outcome> = outcomes): Promise<void> => {
      for (let claims = await one.take(100); claims.length > 0; claims = await one.take(100))
        for (const claim of claims) {
          ran.push(claim.name)
          await one.end(claim, more[claim.name] ?? succeeded)
        }
    }
    await go()
    const run = async () => (await one.store.findRun(one.run.id))!
    return { ...one, ran, go, found: run }
  }

  test(`${name}: a task whose condition fails is skipped with its reason, and so is all behind it`, async t => {
    const { found, store, run } = await play(
      t,
      { a: task('x'), b: task('x', { after: ['a'] }), c: task('x', { after: ['b'] }), other: task('x') },
      { a: skipped },
    )

    const tasks = await store.listTasks(run.id)

    assert.deepEqual(
      [(await found()).state, tasks.map(({ name, state, reason }) => [name, state, reason])],
      [
        'succeeded',
        [
          ['a', 'skipped', 'Not today.'],
          ['b', 'skipped', 'Task a was skipped.'],
          ['c', 'skipped', 'Task a was skipped.'],
          ['other', 'succeeded', undefined],
        ],
      ],
    )
  })

  const joined = {
    a: task('x'),
    b: task('x'),
    mid: task('x', { after: ['a'] }),
    any: task('x', { after: ['mid', 'b'], join: 'any' }),
    always: task('x', { after: ['mid', 'b'], join: 'always' }),
    all: task('x', { after: ['mid', 'b'] }),
    behind: task('x', { after: ['any'], join: 'any' }),
  }
  const joins = [
    { bad: { a: failed }, any: 'succeeded', behind: 'succeeded' },
    { bad: { a: skipped }, any: 'succeeded', behind: 'succeeded' },
    { bad: { a: failed, b: failed }, any: 'skipped', behind: 'skipped' },
    { bad: { a: skipped, b: skipped }, any: 'skipped', behind: 'skipped' },
  ]
  for (const { bad, any, behind } of joins)
    test(`${name}: after ${JSON.stringify(bad)} a join of any is ${any}, one of always runs, one of all does not`, async t => {
      const { states, found } = await play(t, joined, bad)

      const { a: _, b: __, ...rest } = await states()

      assert.deepEqual(rest, { mid: 'skipped', any, always: 'succeeded', all: 'skipped', behind })
      assert.equal((await found()).state, Object.values(bad).includes(failed) ? 'failed' : 'succeeded')
    })

  const ending = {
    a: task('x'),
    b: task('x', { after: ['a'] }),
    tell: task('x', { final: true, inputs: { what: 'b.out' } }),
    tidy: task('x', { final: true, after: ['tell'] }),
  }

  test(`${name}: what runs at the end does so when all else has ended, and does not change what became of the run`, async t => {
    const well = await play(t, ending, { tell: failed })
    const badly = await play(t, ending, { a: failed })

    const [good, bad] = [await well.found(), await badly.found()]

    assert.deepEqual(
      [
        [well.ran, good.state, good.error, good.finalError, await well.states()],
        [badly.ran, bad.state, bad.error, bad.finalError, await badly.states()],
      ],
      [
        [
          ['a', 'b', 'tell'],
          'succeeded',
          undefined,
          'Task tell: no',
          { a: 'succeeded', b: 'succeeded', tell: 'failed', tidy: 'skipped' },
        ],
        [
          ['a', 'tell', 'tidy'],
          'failed',
          'Task a: no',
          undefined,
          { a: 'failed', b: 'skipped', tell: 'succeeded', tidy: 'succeeded' },
        ],
      ],
    )
  })

  test(`${name}: the tasks at the end see the verdict while the run is not over`, async t => {
    const { take, end, found } = await bedOf(t)
    const [a] = await take(9)
    const before = (await found()).verdict
    const last = await end(a!, failed)
    const [tell] = await take(9)

    assert.deepEqual(
      [before, last?.runEnded, last?.run.verdict, last?.run.state, tell?.name],
      [undefined, false, 'failed', 'running', 'tell'],
    )
  })

  test(`${name}: a run that is cancelled still does what is to be done at its end, unless it is cancelled again`, async t => {
    const { store, run, take, end, states, found } = await bedOf(t)
    const cancel = () => store.transaction(tx => store.cancel(tx, run.id, { at: 2_000 }))
    const [a] = await take(9)

    const first = await cancel()
    const stopped = await end(a!, { state: 'cancelled' })
    const [tell] = await take(9)
    const second = await cancel()
    const after = await end(tell!, { state: 'retry', error: 'late', nextAt: 9 })

    assert.deepEqual(
      [first?.ended, stopped?.run.verdict, tell?.name, second?.ended, after?.runEnded, (await found()).state],
      [false, 'cancelled', 'tell', false, true, 'cancelled'],
    )
    assert.deepEqual(await states(), { a: 'cancelled', b: 'cancelled', tell: 'cancelled', tidy: 'cancelled' })
  })

  test(`${name}: a resumed run does what is to be done at its end again`, async t => {
    const { store, run, go, ran, found, at } = await play(t, ending, { a: failed })
    at(5_000)
    const resumed = await store.transaction(tx => store.resume(tx, run.id, { at: 5_000 }))
    await go({})

    const end = await found()
    assert.deepEqual(
      [resumed?.run.verdict, ran, end.state, end.error],
      [undefined, ['a', 'tell', 'tidy', 'a', 'b', 'tell', 'tidy'], 'succeeded', undefined],
    )
  })

  test(`${name}: what was lost is called again, unless its task must not be called twice`, async t => {
    const { take, end, states } = await bed(open, t, { a: task('x'), once: task('x', { retry: { on: ['exit'] } }) })
    const [a, once] = await take(9)

    await end(a!, { state: 'lost', error: 'Gone.' })
    const lost = await end(once!, { state: 'lost', error: 'Gone.' })

    assert.deepEqual(
      [await states(), lost?.run.error],
      [
        { a: 'ready', once: 'failed' },
        'Task once: Gone. It is not called again, because its `retry.on` leaves out lost.',
      ],
    )
  })

  test(`${name}: a free try adds to those that the task was promised, until the run is resumed`, async t => {
    const { take, end, store, run } = await bed(open, t, { a: task('x', { retries: 1 }) })
    const [first] = await take(9)
    await end(first!, { state: 'retry', error: 'no', nextAt: 1_000, isFree: true })
    const [second] = await take(9)
    await end(second!, failed)
    await store.transaction(tx => store.resume(tx, run.id, { at: 1_000 }))
    const [third] = await take(9)

    assert.deepEqual(
      [first, second, third].map(claim => [claim?.number, claim?.attemptsMax, claim?.triesFree]),
      [
        [1, 2, 0],
        [2, 3, 1],
        [3, 4, 0],
      ],
    )
  })

  async function bedOf(t: TestContext) {
    const one = await bed(open, t, ending)
    return { ...one, found: async () => (await one.store.findRun(one.run.id))! }
  }
}
