import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { WorkflowStore } from './store.ts'
import type { Trigger, TriggerDraft } from './trigger-store.ts'

const key = { project: 'rain', pipeline: 'train', name: 'schedule' }
const draft = (more: Partial<TriggerDraft> = {}): TriggerDraft => ({
  ...key,
  spec: { on: 'schedule', cron: '* * * * *', timeZone: 'UTC' },
  nextAt: 60_000,
  ...more,
})
const hook: TriggerDraft = { ...key, name: 'webhook', spec: { on: 'webhook' }, hook: 'h1' }
const data: TriggerDraft = { ...key, name: 'data', spec: { on: 'data', source: 'weather' }, listens: 'data.arrived' }

/** What every store promises of triggers. Call it from the adapter's test with a way to open an empty store. */
export function triggerStoreContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  async function bed(t: TestContext, drafts: readonly TriggerDraft[]) {
    const store = await open(t)
    const set = (triggers: readonly TriggerDraft[]): Promise<void> =>
      store.transaction(tx => store.setTriggers(tx, 'rain', triggers))
    await set(drafts)
    const find = async (of = 'schedule'): Promise<Trigger> => (await store.findTrigger({ ...key, name: of }))!
    const move = (trigger: Trigger, change: Parameters<WorkflowStore['moveTrigger']>[2]): Promise<boolean> =>
      store.transaction(tx => store.moveTrigger(tx, trigger, change))
    return { store, set, find, move }
  }

  test(`${name}: of many who move a trigger on at once one does`, async t => {
    const { store, find, move } = await bed(t, [draft()])
    const trigger = await find()

    const moved = await Promise.all([1, 2, 3].map(() => move(trigger, { nextAt: 120_000 })))

    assert.deepEqual(
      {
        moved: moved.filter(Boolean).length,
        due: [await store.dueTriggers(119_999, 9), await store.dueTriggers(120_000, 9)].map(found => found.length),
        next: await store.nextTriggerAt(),
        now: await find(),
      },
      { moved: 1, due: [0, 1], next: 120_000, now: { ...trigger, nextAt: 120_000, turn: 1 } },
    )
  })

  test(`${name}: a declared trigger keeps its place while it says the same, and what is gone is gone`, async t => {
    const { store, set, find, move } = await bed(t, [draft(), hook, data])
    await move(await find(), { nextAt: 120_000 })
    await store.setSecret({ ...key, name: 'webhook' }, 's')

    await set([draft(), { ...hook, spec: { on: 'webhook', events: ['push'] }, hook: 'h2' }])
    const kept = [(await find()).nextAt, await store.findHook('h1'), await store.findHook('h2')] as const
    const listening = await store.listening('rain', ['data.arrived'])
    await set([draft({ spec: { on: 'interval', every: '1h' }, nextAt: 3_600_000 })])

    assert.deepEqual(
      {
        kept: [kept[0], kept[1]?.secret, kept[1]?.trigger.spec, kept[2]],
        listening,
        changed: (await store.triggers('rain')).map(({ name: of, spec, nextAt }) => [of, spec.on, nextAt]),
      },
      {
        kept: [120_000, 's', { on: 'webhook', events: ['push'] }, undefined],
        listening: [],
        changed: [['schedule', 'interval', 3_600_000]],
      },
    )
  })

  test(`${name}: a paused trigger neither listens nor is due, also when it is declared anew`, async t => {
    const { store, set, find, move } = await bed(t, [draft(), data])
    const paused = { at: 5, by: 'ann' }
    for (const one of ['schedule', 'data']) await move(await find(one), { paused, nextAt: null })

    await set([draft({ spec: { on: 'interval', every: '1h' } }), data])

    assert.deepEqual(
      [
        await store.dueTriggers(9e12, 9),
        await store.nextTriggerAt(),
        await store.listening('rain', ['data.arrived']),
        (await store.triggers('rain')).map(trigger => trigger.paused),
      ],
      [[], undefined, [], [paused, paused]],
    )
  })

  test(`${name}: what is gathered stays until it is taken`, async t => {
    const { find, move } = await bed(t, [data])
    const pending = { sources: { weather: 7 }, since: 1_000 }

    await move(await find('data'), { pending, seenSeq: 7, nextAt: 1_500 })
    const gathered = await find('data')
    await move(gathered, { pending: null, nextAt: null })
    const { pending: taken, seenSeq, nextAt } = await find('data')

    assert.deepEqual(
      [gathered.pending, gathered.nextAt, taken, seenSeq, nextAt],
      [pending, 1_500, undefined, 7, undefined],
    )
  })

  test(`${name}: ticks are listed last first, the last is the trigger's own, and old ones are forgotten`, async t => {
    const { store, find } = await bed(t, [draft()])
    const ticks = [
      { key: 'a', at: 1, error: 'No.' },
      { key: 'b', at: 2, skipped: 'One runs.' },
      { key: 'c', at: 2, run: 'run_1' },
      { key: 'a', at: 3, run: 'run_2' },
    ]
    for (const tick of ticks) await store.transaction(tx => store.noteTick(tx, key, tick))

    const first = await store.ticks(key, { limit: 2 })
    const second = await store.ticks(key, { limit: 2, after: first.next })
    await store.dropTicks(3, 10)

    assert.deepEqual(
      {
        pages: [first.items, second.items, second.next],
        last: (await find()).last,
        left: (await store.ticks(key, { limit: 9 })).items.map(tick => tick.key),
        found: [await store.findTick(key, 'a'), await store.findTick(key, 'b')],
      },
      {
        pages: [[ticks[3], ticks[2]], [ticks[1]], undefined],
        last: { at: 3, run: 'run_2' },
        left: ['a'],
        found: [ticks[3], undefined],
      },
    )
  })

  test(`${name}: only a webhook has a secret`, async t => {
    const { store } = await bed(t, [draft(), hook])

    assert.deepEqual(
      [await store.setSecret(key, 's'), (await store.findHook('h1'))?.secret, await store.findHook('h0')],
      [false, undefined, undefined],
    )
  })
}
