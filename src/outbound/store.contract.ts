import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { AnyTx } from '#storage'
import { dueDelivery, type Delivery } from './delivery.ts'
import type { DeliveryQueue } from './queue.ts'
import type { DeliveryStore } from './store.ts'

type Letter = Delivery<string>

const ms = (value: number): Millis => value as Millis

const letter = ({ at = 5, ...change }: Partial<Letter> & { at?: number } = {}): Letter =>
  dueDelivery({ id: newId('dlv'), project: 'rain', receiver: 'a', message: 'hello', ...change }, ms(at))

const named = (taken: Awaited<ReturnType<DeliveryQueue<Letter>['take']>>): string[] =>
  taken.map(({ lane, delivery }) => `${lane} ${delivery.id}`)

export interface OpenDeliveries {
  sender(name: string): DeliveryStore<string>
  transaction(work: (tx: AnyTx) => Promise<void>): Promise<void>
}

/** What every {@link DeliveryStore} promises. */
export function deliveryStoreContract(name: string, open: (t: TestContext) => Promise<OpenDeliveries>): void {
  const bed = async (t: TestContext, letters: readonly Letter[]): Promise<DeliveryStore<string>> => {
    const store = (await open(t)).sender('post')
    for (const one of letters) await store.enqueue(one)
    return store
  }

  test(`${name}: of each lane the longest due is taken, also behind a lane with hundreds of them`, async t => {
    const queue = await bed(t, [
      letter({ id: 'b2', receiver: 'b', at: 2_002 }),
      letter({ id: 'b1', receiver: 'b', at: 2_001 }),
      letter({ id: 'c1', receiver: 'c', at: 9_999 }),
      letter({ id: 'd1', receiver: 'd', at: 2_000 }),
    ])
    const away = Array.from({ length: 200 }, (_, at) => letter({ id: `a${at + 1}`, receiver: 'away', at: at + 1 }))
    await Promise.all(away.map(one => queue.enqueue(one)))

    const taking = { now: ms(3_000), until: ms(4_000), limit: 2, except: [] }
    assert.deepEqual(named(await queue.take(taking)), ['rain/away a1', 'rain/d d1'])
    assert.deepEqual(named(await queue.take({ ...taking, except: ['rain/away', 'rain/d'] })), ['rain/b b1'])
    assert.equal(await queue.nextDue(['rain/away', 'rain/b', 'rain/d']), 9_999)
  })

  test(`${name}: who takes at the same time takes something else, until it is told of or the hold ends`, async t => {
    const queue = await bed(
      t,
      ['a', 'b', 'c'].map(id => letter({ id, receiver: id })),
    )
    const taking = { now: ms(10), until: ms(50), limit: 9, except: [] }

    const taken = (await Promise.all([queue.take(taking), queue.take(taking)])).flat()
    assert.deepEqual(named(taken).toSorted(), ['rain/a a', 'rain/b b', 'rain/c c'])
    await queue.conclude('a', { state: 'delivered', status: 200, endedAt: ms(11) })
    await queue.conclude('b', { state: 'waiting', status: 503, error: 'no', nextAt: ms(20) })
    await queue.conclude('c', { state: 'failed', error: 'no', endedAt: ms(12) })

    assert.deepEqual(await queue.take({ ...taking, now: ms(19) }), [])
    assert.deepEqual(
      (await queue.take({ ...taking, now: ms(20) })).map(({ delivery }) => [delivery.id, delivery.attempts]),
      [['b', 2]],
    )
    assert.deepEqual(named(await queue.take({ ...taking, now: ms(49), until: ms(60) })), [])
    assert.deepEqual(named(await queue.take({ ...taking, now: ms(50), until: ms(60) })), ['rain/b b'])
  })

  test(`${name}: of one event there is one delivery for each receiver, and what is sent again is another`, async t => {
    const first = letter({ event: 7 })
    const others = [letter({ event: 7, receiver: 'b' }), letter({ event: 7, project: 'snow' })]
    const again = [letter({ replayOf: first.id }), letter({ replayOf: first.id })]
    const store = await bed(t, [first, letter({ event: 7 }), ...others, ...again])

    const { items } = await store.list({ project: 'rain' }, { limit: 9 })

    assert.deepEqual(items, [again[1], again[0], others[0], first])
    assert.deepEqual(await store.find(first.id), first)
    assert.equal(await store.find('unknown'), undefined)
  })

  test(`${name}: lists are of a project or a receiver of it, in a state, newest first, and go on after their cursor`, async t => {
    const all = [letter(), letter({ receiver: 'b' }), letter(), letter({ project: 'snow' })]
    const store = await bed(t, all)
    const [one, two, three] = all
    await store.conclude(one!.id, { state: 'failed', status: 404, answer: 'no', error: 'gone', endedAt: ms(11) })
    const list = async (filter: object, page = { limit: 9 }) => {
      const { items, next } = await store.list({ project: 'rain', ...filter }, page)
      return { ids: items.map(({ id }) => id), next }
    }

    const first = await list({}, { limit: 2 })
    assert.deepEqual(
      [first.ids, (await list({}, { limit: 2, ...(first.next && { after: first.next }) })).ids],
      [[three!.id, two!.id], [one!.id]],
    )
    assert.deepEqual((await list({ receiver: 'a' })).ids, [three!.id, one!.id])
    assert.deepEqual(
      [(await list({ state: 'failed' })).ids, (await list({ receiver: 'b', state: 'failed' })).ids],
      [[one!.id], []],
    )
  })

  test(`${name}: what became of a delivery is on record`, async t => {
    const [one, other] = [letter(), letter({ project: 'snow' })]
    const store = await bed(t, [one, letter(), other])

    const taken = await store.take({ now: ms(9), until: ms(50), limit: 9, except: [] })
    await store.conclude(one.id, { state: 'failed', status: 404, answer: 'no', error: 'gone', endedAt: ms(11) })

    assert.deepEqual(taken, [
      { lane: 'rain/a', delivery: { ...one, attempts: 1, nextAt: 50 } },
      { lane: 'snow/a', delivery: { ...other, attempts: 1, nextAt: 50 } },
    ])
    const { nextAt: _, ...rest } = one
    const ended = { state: 'failed', attempts: 1, status: 404, answer: 'no', error: 'gone', endedAt: 11 }
    assert.deepEqual(await store.find(one.id), { ...rest, ...ended })
  })

  test(`${name}: senders do not see each other, and what is forgotten is one receiver of one of them`, async t => {
    const { sender, transaction } = await open(t)
    const [post, pigeons] = [sender('post'), sender('pigeons')]
    const [gone, kept, theirs] = [letter({ event: 7 }), letter({ receiver: 'b' }), letter({ event: 7, at: 3 })]
    await post.enqueue(gone)
    await post.enqueue(kept)
    await pigeons.enqueue(theirs)

    await transaction(tx => post.forget(tx, { project: 'rain', receiver: 'a' }))

    const taking = { now: ms(9), until: ms(50), limit: 9, except: [] }
    assert.deepEqual((await post.list({ project: 'rain' }, { limit: 9 })).items, [kept])
    assert.deepEqual([await post.find(theirs.id), await pigeons.find(theirs.id)], [undefined, theirs])
    assert.deepEqual([await post.nextDue([]), await pigeons.nextDue([])], [5, 3])
    assert.deepEqual(named(await post.take(taking)), [`rain/b ${kept.id}`])
    assert.deepEqual(named(await pigeons.take(taking)), [`rain/a ${theirs.id}`])
  })
}
