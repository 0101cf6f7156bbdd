import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import type { DeliveryQueue, Queued, Taken } from './queue.ts'

const ms = (value: number): Millis => value as Millis

/** A queue, and how something comes to wait in it. */
export interface OpenQueue {
  readonly queue: DeliveryQueue<Queued>
  add(delivery: { id: string; lane: string; nextAt: number }): Promise<void>
}

const named = (taken: readonly Taken<Queued>[]): string[] => taken.map(({ lane, delivery }) => `${lane} ${delivery.id}`)

/** What every {@link DeliveryQueue} promises. */
export function deliveryQueueContract(name: string, open: (t: TestContext) => Promise<OpenQueue>): void {
  test(`${name}: of each lane the longest due is taken, also behind a lane with a thousand of them`, async t => {
    const { queue, add } = await open(t)
    for (let at = 1; at <= 1_000; at++) await add({ id: `a${at}`, lane: 'away', nextAt: at })
    await add({ id: 'b2', lane: 'b', nextAt: 2_002 })
    await add({ id: 'b1', lane: 'b', nextAt: 2_001 })
    await add({ id: 'c1', lane: 'c', nextAt: 9_999 })
    await add({ id: 'd1', lane: 'd', nextAt: 2_000 })

    const taking = { now: ms(3_000), until: ms(4_000), limit: 2, except: [] }
    assert.deepEqual(named(await queue.take(taking)), ['away a1', 'd d1'])
    assert.deepEqual(named(await queue.take({ ...taking, except: ['away', 'd'] })), ['b b1'])
    assert.equal(await queue.nextDue(['away', 'b', 'd']), 9_999)
  })

  test(`${name}: who takes at the same time takes something else, until it is told of or the hold ends`, async t => {
    const { queue, add } = await open(t)
    for (const lane of ['a', 'b', 'c']) await add({ id: lane, lane, nextAt: 1 })
    const taking = { now: ms(10), until: ms(50), limit: 9, except: [] }

    const taken = (await Promise.all([queue.take(taking), queue.take(taking)])).flat()
    assert.deepEqual(named(taken).toSorted(), ['a a', 'b b', 'c c'])
    await queue.conclude('a', { state: 'delivered', status: 200, endedAt: ms(11) })
    await queue.conclude('b', { state: 'waiting', status: 503, error: 'no', nextAt: ms(20) })
    await queue.conclude('c', { state: 'failed', error: 'no', endedAt: ms(12) })

    assert.deepEqual(await queue.take({ ...taking, now: ms(19) }), [])
    assert.deepEqual(
      (await queue.take({ ...taking, now: ms(20) })).map(({ delivery }) => [delivery.id, delivery.attempts]),
      [['b', 2]],
    )
    assert.deepEqual(named(await queue.take({ ...taking, now: ms(49), until: ms(60) })), [])
    assert.deepEqual(named(await queue.take({ ...taking, now: ms(50), until: ms(60) })), ['b b'])
  })
}
