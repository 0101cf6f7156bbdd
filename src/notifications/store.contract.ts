import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Notification } from './notification.ts'
import type { NotificationStore } from './store.ts'

const ms = (value: number): Millis => value as Millis

const notification = (change: Partial<Notification> = {}): Notification => ({
  id: newId('ntf'),
  project: 'rain',
  channel: 'team',
  kind: 'run.failed',
  title: 'training has failed',
  why: 'No wind.',
  path: '/p/rain/runs/run_1',
  state: 'waiting',
  attempts: 0,
  createdAt: ms(5),
  nextAt: ms(5),
  ...change,
})

/** What every {@link NotificationStore} promises. */
export function notificationStoreContract(name: string, open: (t: TestContext) => Promise<NotificationStore>): void {
  test(`${name}: of one event there is one message for each channel, and what is sent again is another`, async t => {
    const store = await open(t)
    const first = notification({ event: 7 })
    for (const one of [
      first,
      notification({ event: 7 }),
      notification({ event: 7, channel: 'mail' }),
      notification({ event: 7, project: 'snow' }),
    ])
      await store.enqueue(one)
    const again = notification({ replayOf: first.id })
    await store.enqueue(again)

    const list = async (filter: object): Promise<string[]> =>
      (await store.list({ project: 'rain', ...filter }, { limit: 9 })).items.map(
        ({ channel, event }) => `${channel} ${event}`,
      )
    assert.deepEqual(await list({}), ['team undefined', 'mail 7', 'team 7'])
    assert.deepEqual(await list({ channel: 'mail' }), ['mail 7'])
    assert.deepEqual(await list({ state: 'failed' }), [])
    assert.deepEqual(await store.find(first.id), first)
    assert.deepEqual(await store.find(again.id), again)
  })

  test(`${name}: each channel of each project is a receiver by itself, and an end is on record`, async t => {
    const store = await open(t)
    const [one, other] = [notification(), notification({ project: 'snow' })]
    for (const each of [one, notification(), other]) await store.enqueue(each)

    const taken = await store.take({ now: ms(9), until: ms(50), limit: 9, except: [] })
    await store.conclude(one.id, { state: 'failed', status: 404, answer: 'no', error: 'gone', endedAt: ms(11) })

    assert.deepEqual(taken.map(({ lane }) => lane).toSorted(), ['rain/team', 'snow/team'])
    const { nextAt: _, ...rest } = one
    const ended = { state: 'failed', attempts: 1, status: 404, answer: 'no', error: 'gone', endedAt: 11 }
    assert.deepEqual(await store.find(one.id), { ...rest, ...ended })
  })
}
