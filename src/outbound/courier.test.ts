import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { manualClock, type Millis } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { createCourier, type CourierParts } from './courier.ts'
import type { Attempted, Queued, Taken } from './queue.ts'
import { askedPauseMs, forADay } from './retry.ts'

type Letter = Queued & { readonly lane: string }

const letter = (lane: string, number = 1): Letter => ({
  id: `${lane}${number}`,
  lane,
  attempts: 1,
  createdAt: 0 as Millis,
})

async function until(look: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !look(); i++) await sleep(5)
  assert.ok(look(), 'it did not happen')
}

/** A courier with letters in a list. */
function open(t: TestContext, letters: readonly Letter[], send: CourierParts<Letter>['send']) {
  const waiting = [...letters]
  const concluded = new Map<string, Attempted>()
  const clock = manualClock(1_000)
  const courier = createCourier<Letter>({
    clock,
    send,
    warn: () => {},
    retry: forADay(() => 0),
    queue: {
      async take({ limit, except }) {
        const taken: Taken<Letter>[] = []
        for (const one of waiting.slice()) {
          if (taken.length === limit || except.includes(one.lane) || taken.some(({ lane }) => lane === one.lane))
            continue
          waiting.splice(waiting.indexOf(one), 1)
          taken.push({ lane: one.lane, delivery: one })
        }
        return taken
      },
      async conclude(id, attempted) {
        concluded.set(id, attempted)
      },
      nextDue: async () => undefined,
    },
  })
  courier.start()
  t.after(() => courier.stop())
  return { courier, concluded }
}

test('a receiver that never answers holds up nobody, and gets one at a time in order', async t => {
  const away = Array.from({ length: 30 }, (_, index) => letter('away', index))
  const near = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'].map(lane => letter(lane))
  const sent: string[] = []
  let answer = (): void => {}
  const { concluded } = open(t, [...away, ...near], async ({ id, lane }) => {
    sent.push(id)
    if (lane === 'away') await new Promise<void>(resolve => (answer = resolve))
    return { status: 200, text: 'ok' }
  })

  await until(() => near.every(({ id }) => concluded.get(id)?.state === 'delivered'))
  assert.deepEqual(
    sent.filter(id => id.startsWith('away')),
    ['away0'],
  )
  for (let index = 0; index < 30; index++) {
    await until(() => sent.filter(id => id.startsWith('away')).length === index + 1)
    answer()
  }
  await until(() => concluded.has('away29'))
  assert.deepEqual(
    sent.filter(id => id.startsWith('away')),
    away.map(({ id }) => id),
  )
})

test('what an attempt came to is kept: answered, refused, not reached, not possible', async t => {
  const outcomes: Readonly<Record<string, CourierParts<Letter>['send']>> = {
    heard: async () => ({ status: 204, text: '' }),
    refused: async () => ({ status: 404, text: 'no such hook' }),
    busy: async () => ({ status: 429, text: 'slow', retryAfter: '100' }),
    gone: () => Promise.reject(new Error('connect ECONNREFUSED')),
    closed: () => Promise.reject(new TrainyardError('invalid', 'A private address.')),
    locked: () => Promise.reject(new TrainyardError('unavailable', 'No key.')),
  }
  const { concluded } = open(
    t,
    Object.keys(outcomes).map(lane => letter(lane)),
    one => outcomes[one.lane]!(one),
  )

  await until(() => concluded.size === 6)
  await sleep(20)
  assert.deepEqual(Object.fromEntries([...concluded].toSorted(([a], [b]) => (a < b ? -1 : 1))), {
    busy1: { status: 429, answer: 'slow', error: 'The receiver answered 429.', state: 'waiting', nextAt: 101_000 },
    closed1: { error: 'A private address.', state: 'failed', endedAt: 1_000 },
    gone1: { error: 'connect ECONNREFUSED', state: 'waiting', nextAt: 6_000 },
    heard1: { status: 204, answer: '', state: 'delivered', endedAt: 1_000 },
    locked1: { error: 'No key.', state: 'waiting', nextAt: 6_000 },
    refused1: {
      status: 404,
      answer: 'no such hook',
      error: 'The receiver answered 404.',
      state: 'failed',
      endedAt: 1_000,
    },
  })
})

test('tries are spread over a day and end with it', () => {
  const retry = forADay(() => 0)
  const pauses: number[] = []
  let now = 0
  for (let attempts = 1; ; attempts++) {
    const pause = retry({ attempts, createdAt: 0 as Millis }, { status: 503 }, now as Millis)
    if (pause === undefined) break
    pauses.push(pause / 1_000)
    now += pause
  }
  assert.deepEqual(pauses.slice(0, 12), [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600])
  assert.ok(now > 22 * 3_600_000 && now <= 24 * 3_600_000, String(now))
  const half = forADay(() => 0.999)({ attempts: 3, createdAt: 0 as Millis }, {}, 0 as Millis)
  assert.equal(half, 10_010)
  assert.equal(askedPauseMs({ retryAfter: 'Thu, 01 Jan 1970 00:00:30 GMT' }, 10_000 as Millis), 20_000)
  assert.equal(askedPauseMs({ retryAfter: 'soon' }, 0 as Millis), undefined)
})
