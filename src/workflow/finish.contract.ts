import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { bed } from './contract-bed.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'
import { task } from './testing.ts'

const succeeded: Outcome = { state: 'succeeded', outputs: {}, metrics: {} }
const failed: Outcome = { state: 'failed', error: 'no' }
const tasks = {
  good: task('x'),
  bad: task('x'),
  again: task('x', { retries: 1 }),
  late: task('x'),
  list: task('x'),
  each: task('x', { forEach: 'list.items' }),
  both: task('x', { after: ['good', 'late'] }),
  vain: task('x', { after: ['good', 'bad'] }),
  any: task('x', { after: ['good', 'bad'], join: 'any' }),
  end: task('x', { after: ['both', 'each'] }),
}
const first: Readonly<Record<string, Outcome>> = {
  bad: failed,
  again: { state: 'retry', error: 'not yet', nextAt: 1_000 },
  list: { state: 'succeeded', outputs: { items: { value: [1, 2, 3] } }, metrics: {} },
  each: { state: 'expanded', items: [1, 2, 3], parallel: 2, pool: 'platform' },
}
const outcomeOf = ({ name, number, isNew }: Claim): Outcome =>
  (number === 1 && isNew ? first[name] : undefined) ?? succeeded

/** That many ends at once are what they are one after the other, whatever they are and in whatever order. */
export function finishContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  for (const order of ['as they come', 'turned around'] as const)
    test(`${name}: many ends at once come to what they come to one after the other, ${order}`, async t => {
      const [one, many] = [await bed(open, t, tasks), await bed(open, t, tasks)]
      const turned = <T>(list: readonly T[]): readonly T[] => (order === 'turned around' ? list.toReversed() : list)
      const seen: unknown[][] = [[], []]

      for (let round = 0; round < 6; round++) {
        const claims = turned(await one.take(20))
        for (const claim of claims) await one.end(claim, outcomeOf(claim))
        seen[0]!.push(
          claims.map(claim => claim.name),
          await one.states(),
          (await one.store.findRun(one.run.id))?.state,
        )
        const others = turned(await many.take(20))
        await many.endAll(others.map(claim => [claim, outcomeOf(claim)]))
        seen[1]!.push(
          others.map(claim => claim.name),
          await many.states(),
          (await many.store.findRun(many.run.id))?.state,
        )
      }

      assert.deepEqual(seen[1], seen[0])
      assert.deepEqual(
        [await many.states(), (await many.store.findRun(many.run.id))?.state],
        [
          {
            good: 'succeeded',
            bad: 'failed',
            again: 'succeeded',
            late: 'succeeded',
            list: 'succeeded',
            each: 'succeeded',
            both: 'succeeded',
            vain: 'skipped',
            any: 'succeeded',
            end: 'succeeded',
          },
          'failed',
        ],
      )
    })

  test(`${name}: of several results of one attempt the first counts, and a stranger's does not`, async t => {
    const { store, take, run, states } = await bed(open, t, { a: task('x'), b: task('x') })
    const [a, b] = await take(2)
    const end = (attempt: typeof a, owner: string, outcome: Outcome) => ({
      task: attempt!.task,
      attempt: attempt!.attempt,
      call: attempt!.call,
      owner,
      outcome,
      at: 1_000,
    })

    const ended = await store.transaction(tx =>
      store.finish(tx, [
        end(a, 'other', failed),
        end(a, 'me', succeeded),
        end(a, 'me', failed),
        end(b, 'me', succeeded),
      ]),
    )

    assert.deepEqual(
      {
        ended: ended.map(done => done && [done.task.name, done.runEnded, done.run.state]),
        states: await states(),
        run: (await store.findRun(run.id))?.state,
      },
      {
        ended: [undefined, ['a', false, 'succeeded'], undefined, ['b', true, 'succeeded']],
        states: { a: 'succeeded', b: 'succeeded' },
        run: 'succeeded',
      },
    )
  })

  test(`${name}: what is wished for a cancelled run is what it comes to in company too`, async t => {
    const { store, take, run, states, endAll } = await bed(open, t, {
      a: task('x'),
      b: task('x', { retries: 3 }),
      c: task('x'),
    })
    const claims = await take(3)
    await store.transaction(tx => store.cancel(tx, run.id, { at: 1_000 }))

    const wishes = [
      succeeded,
      { state: 'retry', error: 'no', nextAt: 5_000 },
      { state: 'lost', error: 'gone' },
    ] as const
    const ended = await endAll(claims.map((claim, index) => [claim, wishes[index]!]))

    assert.deepEqual(
      [await states(), ended.map(done => done?.runEnded), (await store.findRun(run.id))?.state],
      [{ a: 'succeeded', b: 'cancelled', c: 'cancelled' }, [false, false, true], 'cancelled'],
    )
  })
}
