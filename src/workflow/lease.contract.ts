import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { newId } from '#kernel/id.ts'
import { bed } from './contract-bed.ts'
import type { Outcome } from './outcome.ts'
import type { LiveAttempt, WorkflowStore } from './store.ts'
import { task } from './testing.ts'

/** What every {@link WorkflowStore} promises of leases. */
export function leaseContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  test(`${name}: leases are renewed by their holder, and found when they have run out`, async t => {
    const { store, run, take } = await bed(open, t, { a: task('x'), b: task('x') })
    const [a] = await take(1, 'me')
    const [b] = await take(1, 'other')
    await store.setHandle(b!, 'other', { pid: 7 })
    await store.transaction(tx => store.cancel(tx, run.id, { at: 1_500 }))

    const renewed = await store.renew('me', [a!, { task: b!.task, attempt: newId<'attempt'>('att') }], 50_000)

    assert.deepEqual(
      {
        held: [...renewed.held],
        cancelled: [...renewed.cancelled],
        expired: await store.expired(20_000, 9),
        mine: (await store.runningOf('me')).map(attempt => attempt.id),
      },
      {
        held: [a!.attempt],
        cancelled: [a!.attempt],
        expired: [{ id: b!.attempt, task: b!.task, owner: 'other', leaseUntil: 11_000, handle: { pid: 7 } }],
        mine: [a!.attempt],
      },
    )
  })

  test(`${name}: an attempt becomes another owner's once, with all that was noted, and its first owner's words are refused`, async t => {
    const { store, take, end } = await bed(open, t, { a: task('x'), b: task('x') })
    const [a, b] = await take(2, 'first')
    await store.setHandle(a!, 'first', { pid: 7 })
    await store.transaction(tx => store.putRecord(tx, a!, { command: 'train' }))
    const [seen] = (await store.expired(20_000, 9)).filter(({ id }) => id === a!.attempt)
    const take2 = (owner: string) => store.transaction(tx => store.takeOver(tx, seen!, { owner, leaseUntil: 30_000 }))

    const taken = await Promise.all([take2('second'), take2('third')])
    const winner = taken[0] ? 'second' : 'third'

    const claims = taken.filter(claim => claim !== undefined)
    const { attempt, number, isNew, name: taskName, spec, begun } = claims[0]!
    assert.deepEqual(
      {
        winners: claims.length,
        claim: { attempt, number, isNew, taskName, spec, begun },
        renewed: await store.renew('first', [a!, b!], 40_000),
        noted: await store.setHandle(a!, 'first', { pid: 8 }),
        late: await end(a!, { state: 'succeeded', outputs: {}, metrics: {} }, 'first'),
        live: [...(await store.live([a!.attempt, newId<'attempt'>('att')]))],
        ended: (await end(a!, { state: 'succeeded', outputs: {}, metrics: {} }, winner))?.task.state,
        liveThen: [...(await store.live([a!.attempt]))],
      },
      {
        winners: 1,
        claim: {
          attempt: a!.attempt,
          number: 1,
          isNew: false,
          taskName: a!.name,
          spec: a!.spec,
          begun: { at: 1_000, handle: { pid: 7 }, tracking: undefined, record: { command: 'train' } },
        },
        renewed: { held: new Set([b!.attempt]), taken: new Set([a!.attempt]), cancelled: new Set() },
        noted: false,
        late: undefined,
        live: [a!.attempt],
        ended: 'succeeded',
        liveThen: [],
      },
    )
  })

  test(`${name}: an attempt that was begun since its lease was seen to have run out is not taken over`, async t => {
    const { store, take } = await bed(open, t, { a: task('x') })
    const [a] = await take(1, 'first')
    const takeOver = async (seen: LiveAttempt | undefined) =>
      (await store.transaction(tx => store.takeOver(tx, seen!, { owner: 'second', leaseUntil: 30_000 })))?.begun?.handle
    const [before] = await store.expired(20_000, 9)
    await store.setHandle(a!, 'first', { pid: 7 })
    const [after] = await store.expired(20_000, 9)

    assert.deepEqual([await takeOver(before), await takeOver(after)], [undefined, { pid: 7 }])
  })

  test(`${name}: what a call that waited has said is not taken once more as the word of the next call`, async t => {
    const { take, end, states } = await bed(open, t, { a: task('x') })
    const [first] = await take(1)
    const waits: Outcome = { state: 'waiting', waitingFor: 'the moon', nextAt: 1_000 }
    await end(first!, waits)
    const [second] = await take(1)

    const repeated = await end(first!, waits)
    const between = await states()
    const done = await end(second!, { state: 'succeeded', outputs: {}, metrics: {} })

    assert.deepEqual(
      {
        sameAttempt: second!.attempt === first!.attempt,
        calls: [first!.call, second!.call],
        repeated,
        between,
        done: done?.task.state,
        states: await states(),
      },
      {
        sameAttempt: true,
        calls: [1, 2],
        repeated: undefined,
        between: { a: 'running' },
        done: 'succeeded',
        states: { a: 'succeeded' },
      },
    )
  })
}
