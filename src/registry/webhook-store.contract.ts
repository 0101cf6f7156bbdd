import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Db } from '#storage'
import type { Delivery } from './webhook.ts'
import type { SecretWebhook, WebhookStore } from './webhook-store.ts'

const ms = (value: number): Millis => value as Millis

const webhook = (change: Partial<SecretWebhook> = {}): SecretWebhook => ({
  id: newId('whk'),
  project: 'default',
  name: 'one',
  url: 'https://example.org/hook',
  events: ['model_version.created'],
  state: 'active',
  createdAt: ms(1),
  updatedAt: ms(1),
  ...change,
})

const delivery = (of: string, change: Partial<Delivery> = {}): Delivery => ({
  id: newId('dlv'),
  webhook: of,
  entity: 'model_version',
  action: 'created',
  body: '{}',
  state: 'waiting',
  attempts: 0,
  createdAt: ms(5),
  nextAt: ms(5),
  ...change,
})

/** What every {@link WebhookStore} promises. */
export function webhookStoreContract(
  name: string,
  open: (t: TestContext) => Promise<WebhookStore & { readonly db: Db }>,
): void {
  test(`${name}: a webhook is what was kept, and its secret is told to the courier alone`, async t => {
    const store = await open(t)
    const { secret, ...shown } = webhook({ secret: 's', description: 'why' })
    await store.insert({ ...shown, secret })

    assert.deepEqual(await store.find(shown.id), shown)
    assert.deepEqual(await store.list('default', { limit: 9 }), { items: [shown] })
    assert.deepEqual(await store.secretOf(shown.id), { ...shown, secret: 's' })
    assert.deepEqual(
      [
        await store.change(shown.id, { name: 'two', events: ['prompt.created'] }, ms(9)),
        await store.change('x', {}, ms(9)),
      ],
      [true, false],
    )
    assert.deepEqual(await store.find(shown.id), { ...shown, name: 'two', events: ['prompt.created'], updatedAt: 9 })
  })

  test(`${name}: lists are of one project, newest first, and go on after their cursor`, async t => {
    const store = await open(t)
    const all = [webhook(), webhook(), webhook()]
    for (const one of [...all, webhook({ project: 'other' })]) await store.insert(one)

    const first = await store.list('default', { limit: 2 })
    const second = await store.list('default', { limit: 2, after: first.next })

    assert.deepEqual(
      [...first.items, ...second.items].map(({ id }) => id),
      all.map(({ id }) => id).toReversed(),
    )
  })

  test(`${name}: told are the active ones of the project that asked for just this`, async t => {
    const store = await open(t)
    const right = webhook()
    for (const one of [
      right,
      webhook({ state: 'disabled' }),
      webhook({ project: 'other' }),
      webhook({ events: ['model_version_tag.set', 'prompt.created'] }),
      webhook({ events: ['modelXversion.created'] }),
    ])
      await store.insert(one)

    const found = await store.subscribed('default', { entity: 'model_version', action: 'created' })

    assert.deepEqual(found, [right])
  })

  test(`${name}: of one event there is one delivery for each webhook, and a replay is another`, async t => {
    const store = await open(t)
    const [one, two] = [webhook(), webhook()]
    for (const each of [one, two]) await store.insert(each)

    const first = delivery(one.id, { event: 7 })
    for (const each of [first, delivery(one.id, { event: 7 }), delivery(two.id, { event: 7 })])
      await store.enqueue(each)
    await store.enqueue(delivery(one.id, { replayOf: first.id }))
    await store.enqueue(delivery(one.id, { replayOf: first.id }))

    const { items } = await store.deliveries(one.id, { limit: 9 })
    assert.deepEqual(
      items.map(({ event, replayOf }) => [event, replayOf]),
      [
        [undefined, first.id],
        [undefined, first.id],
        [7, undefined],
      ],
    )
    assert.deepEqual(await store.findDelivery(first.id), first)
  })

  test(`${name}: what is due is taken to one webhook after the other, and its end is on record`, async t => {
    const store = await open(t)
    const one = webhook()
    await store.insert(one)
    const [second, first] = [delivery(one.id, { nextAt: ms(5) }), delivery(one.id, { nextAt: ms(3) })]
    for (const each of [second, first]) await store.enqueue(each)

    const taking = { now: ms(10), until: ms(50), limit: 9, except: [] }
    const taken = await store.take(taking)
    await store.conclude(first.id, { state: 'delivered', status: 200, answer: 'ok', endedAt: ms(11) })

    assert.deepEqual(taken, [{ lane: one.id, delivery: { ...first, attempts: 1, nextAt: 50 } }])
    assert.deepEqual([await store.nextDue([]), await store.nextDue([one.id])], [5, undefined])
    const { nextAt: _, ...rest } = first
    const ended = { ...rest, state: 'delivered', attempts: 1, status: 200, answer: 'ok', endedAt: 11 }
    assert.deepEqual(await store.findDelivery(first.id), ended)
  })

  test(`${name}: secrets of before the vault are sealed, and sealed ones anew, without becoming others`, async t => {
    const { db, ...store } = await open(t)
    const one = webhook()
    await store.insert({ ...one, secret: 'told before' })
    await sql`update registry_webhook set secret = 'told before', sealed = null where id = ${one.id}`.execute(db)
    const kept = async () =>
      (
        await sql<{
          secret: string | null
          sealed: string | null
        }>`select secret, sealed from registry_webhook`.execute(db)
      ).rows

    assert.deepEqual([await store.sealPlain(), await store.sealPlain()], [1, 0])
    const [row] = await kept()
    assert.equal((await store.secretOf(one.id))?.secret, 'told before')
    assert.deepEqual([await store.reseal(async () => undefined), await store.reseal(async text => `${text}x`)], [0, 1])

    assert.equal(row?.secret, null)
    assert.match(row?.sealed ?? '', /^v1\.dek_[^.]+\.[\w-]+$/)
    assert.deepEqual((await kept())[0]?.sealed, `${row?.sealed}x`)
  })

  test(`${name}: a webhook that is removed takes its deliveries along`, async t => {
    const store = await open(t)
    const one = webhook()
    await store.insert(one)
    const due = delivery(one.id)
    await store.enqueue(due)

    assert.deepEqual([await store.remove(one.id), await store.remove(one.id)], [true, false])
    assert.deepEqual(
      [await store.find(one.id), await store.findDelivery(due.id), await store.nextDue([])],
      [undefined, undefined, undefined],
    )
  })
}
