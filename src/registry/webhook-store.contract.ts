import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
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

/** What every {@link WebhookStore} promises. */
export function webhookStoreContract(name: string, open: (t: TestContext) => Promise<WebhookStore>): void {
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

  test(`${name}: a webhook that is removed takes along what its remover says, and without it nothing`, async t => {
    const store = await open(t)
    const [one, other] = [webhook(), webhook()]
    for (const each of [one, other]) await store.insert(each)
    const also = async (): Promise<void> => {}

    assert.deepEqual([await store.remove(one.id, also), await store.remove(one.id, also)], [true, false])
    await assert.rejects(
      store.remove(other.id, () => Promise.reject(new Error('The disk is full.'))),
      /disk/,
    )
    assert.deepEqual([await store.find(one.id), await store.find(other.id)], [undefined, other])
  })
}
