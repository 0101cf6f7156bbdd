import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { bed, draft } from './contract-bed.ts'
import type { Outcome } from './outcome.ts'
import type { Pool } from './run.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'
import { command, task } from './testing.ts'

const succeeded: Outcome = { state: 'succeeded', outputs: {}, metrics: {} }
const failed: Outcome = { state: 'failed', error: 'no' }

/** A list, a task with a call for each of its items, and one behind it. */
const mapped = {
  list: task('x', { outputs: ['items'] }),
  each: task('x', { forEach: { items: 'list.items', parallel: 2 }, after: ['list'], retries: 1 }),
  behind: task('x', { after: ['each'] }),
}
const expanded = (items: readonly number[], parallel?: number, pool: Pool = 'platform'): Outcome => ({
  state: 'expanded',
  items,
  parallel,
  pool,
})

/** Tasks that are called for each item of a list. */
export function itemsContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  async function atEach(t: TestContext) {
    const one = await bed(open, t, mapped)
    const [list] = await one.take(9)
    await one.end(list!, succeeded)
    const [each] = await one.take(9)
    return { ...one, each: each! }
  }
  const show = (claims: readonly Claim[]) => claims.map(({ name: called, item, declared }) => [called, declared, item])

  test(`${name}: a task is called for each item, so many at a time, and once more when all have ended`, async t => {
    const { store, run, take, end, each } = await atEach(t)

    await end(each, expanded([10, 20, 30], 2))
    const first = await take(9)
    const none = await take(9)
    await end(first[0]!, succeeded)
    const second = await take(9)
    await end(second[0]!, failed)
    const early = await take(9)
    await end(first[1]!, { state: 'succeeded', outputs: { y: { value: 7 } }, metrics: {} })
    const last = await take(9)

    const given = await store.itemOutputs(each.task, { after: -1, limit: 9 })
    assert.deepEqual(
      [show(first), none, show(second), early, show(last), last[0]?.isNew, await store.itemsEnd(each.task), given],
      [
        [
          ['each[0]', 'each', { index: 0, value: 10 }],
          ['each[1]', 'each', { index: 1, value: 20 }],
        ],
        [],
        [['each[2]', 'each', { index: 2, value: 30 }]],
        [],
        [['each', 'each', undefined]],
        false,
        { states: { succeeded: 2, failed: 1 }, firstBad: { index: 2, why: 'no' } },
        [
          { index: 0, outputs: {} },
          { index: 1, outputs: { y: { value: 7 } } },
        ],
      ],
    )
    const done = await end(last[0]!, succeeded)
    assert.deepEqual(
      [done?.run.error, (await take(9)).map(claim => claim.name), (await store.listTasks(run.id))[1]?.items],
      [undefined, ['behind'], { succeeded: 2, failed: 1 }],
    )
  })

  test(`${name}: what calls gave is read page by page in the order of the items, whether they did it or had it from others`, async t => {
    const { store, take, end, each } = await atEach(t)
    await end(each, expanded([0, 1, 2, 3, 4]))
    const calls = await take(9)
    const given = (y: number) => ({ outputs: { y: { value: y } }, metrics: {} })
    await end(calls[3]!, { state: 'succeeded', ...given(3) })
    await end(calls[0]!, { state: 'succeeded', ...given(0) })
    await end(calls[1]!, { state: 'cached', producer: calls[0]!.task, ...given(1) })
    await end(calls[2]!, { state: 'skipped', reason: 'Not that one.' })
    await end(calls[4]!, { state: 'cached', producer: calls[0]!.task, ...given(4) })

    const page = async (after: number) =>
      (await store.itemOutputs(each.task, { after, limit: 2 })).map(({ index, outputs }) => [
        index,
        outputs['y']?.value,
      ])
    assert.deepEqual(
      [await page(-1), await page(1), await page(4), await store.itemsEnd(each.task)],
      [
        [
          [0, 0],
          [1, 1],
        ],
        [
          [3, 3],
          [4, 4],
        ],
        [],
        { states: { succeeded: 2, cached: 2, skipped: 1 }, firstBad: undefined },
      ],
    )
  })

  test(`${name}: of an empty list nothing is called`, async t => {
    const { take, end, each } = await atEach(t)

    await end(each, expanded([]))

    assert.deepEqual(show(await take(9)), [['each', 'each', undefined]])
  })

  test(`${name}: a call is tried again by itself, and knows what it is for`, async t => {
    const { take, end, each, at } = await atEach(t)
    await end(each, expanded([10]))
    const [first] = await take(9)
    await end(first!, { state: 'retry', error: 'no', nextAt: 2_000 })
    const early = await take(9)
    at(2_000)
    const [again] = await take(9)

    assert.deepEqual([early, again?.number, again?.item], [[], 2, { index: 0, value: 10 }])
  })

  test(`${name}: runs side by side are told by their tasks, without the calls, the newest run first`, async t => {
    const { store, run, end, each } = await atEach(t)
    await end(each, expanded([10, 20]))
    const newer = draft({ list: mapped.list })
    await store.transaction(tx => store.insertRun(tx, newer))
    const runs = [run.id, newer.run.id]

    const all = await store.gridTasks(runs, 9)
    const two = await store.gridTasks(runs, 2)

    const shown = all.map(task => [task.run === run.id ? 'older' : 'newer', task.name, task.state])
    assert.deepEqual(shown, [
      ['newer', 'list', 'ready'],
      ['older', 'list', 'succeeded'],
      ['older', 'each', 'waiting'],
      ['older', 'behind', 'blocked'],
    ])
    assert.deepEqual(two, all.slice(0, 2))
    assert.deepEqual(await store.gridTasks([], 9), [])
  })

  test(`${name}: the calls of a cancelled run end with it, the last of them last`, async t => {
    const { store, run, take, end, each, states } = await atEach(t)
    await end(each, expanded([1, 2, 3], 2))
    const [first, second] = await take(9)
    await end(first!, succeeded)

    const cancelled = await store.transaction(tx => store.cancel(tx, run.id, { at: 2_000 }))
    const ended = await end(second!, { state: 'retry', error: 'x', nextAt: 3_000 })

    const calls = await store.pageTasks({ run: run.id, parent: each.task }, { limit: 9 })
    assert.deepEqual(
      [cancelled?.ended, ended?.runEnded, ended?.run.state, await states(), calls.items.map(({ state }) => state)],
      [
        false,
        true,
        'cancelled',
        { list: 'succeeded', each: 'cancelled', behind: 'cancelled' },
        ['succeeded', 'cancelled', 'cancelled'],
      ],
    )
  })

  test(`${name}: a resumed run calls again for the items that did not succeed, and for no other`, async t => {
    const { store, run, take, end, each, at } = await atEach(t)
    await end(each, expanded([1, 2, 3]))
    const calls = await take(9)
    await end(calls[0]!, failed)
    await end(calls[1]!, succeeded)
    await end(calls[2]!, failed)
    const [gather] = await take(9)
    const over = await end(gather!, { state: 'failed', error: 'Too few.' })

    at(5_000)
    await store.transaction(tx => store.resume(tx, run.id, { at: 5_000 }))
    const [again] = await take(9)
    await end(again!, expanded([1, 2, 3], 1))
    const one = await take(9)
    await end(one[0]!, succeeded)
    const two = await take(9)
    await end(two[0]!, succeeded)
    const [last] = await take(9)
    await end(last!, succeeded)
    const [behind] = await take(9)
    const done = await end(behind!, succeeded)

    assert.deepEqual(
      [over?.run.error, again?.isNew, show([...one, ...two]).map(([called]) => called), last?.isNew, done?.run.state],
      ['Task each: Too few.', true, ['each[0]', 'each[2]'], false, 'succeeded'],
    )
  })

  test(`${name}: what a call of a resumed run may fail stays failed when its task had enough`, async t => {
    const { store, run, take, end, each, at } = await atEach(t)
    await end(each, expanded([1, 2]))
    const [a, b] = await take(9)
    await end(a!, failed)
    await end(b!, succeeded)
    const [gather] = await take(9)
    await end(gather!, succeeded)
    const [behind] = await take(9)
    await end(behind!, failed)

    at(5_000)
    await store.transaction(tx => store.resume(tx, run.id, { at: 5_000 }))

    assert.deepEqual(
      (await take(9)).map(claim => claim.name),
      ['behind'],
    )
  })

  test(`${name}: the calls of a task are read page by page, in order`, async t => {
    const { store, run, end, each } = await atEach(t)
    const items = Array.from({ length: 1_200 }, (_, index) => index)
    await end(each, expanded(items, 3))

    const pages: (readonly [string, number | undefined, unknown])[][] = []
    for (let after: string | undefined; ;) {
      const page = await store.pageTasks({ run: run.id, parent: each.task }, { limit: 500, after })
      pages.push(page.items.map(line => [line.name, line.index, line.item]))
      if (page.next === undefined) break
      after = page.next
    }
    const ready = await store.pageTasks({ run: run.id, parent: each.task, state: 'ready' }, { limit: 9 })
    const own = await store.pageTasks({ run: run.id }, { limit: 9 })
    const one = await store.findTaskRun(run.id, 'each[7]')

    assert.deepEqual(
      [pages.map(page => page.length), pages.flat(), ready.items.length, own.items.map(line => line.name)],
      [[500, 500, 200], items.map(index => [`each[${index}]`, index, index]), 3, ['list', 'each', 'behind']],
    )
    assert.deepEqual([one?.name, one?.index, one?.item, one?.kind], ['each[7]', 7, 7, 'x'])
  })

  test(`${name}: tasks are counted without their calls, told how theirs are, and found beside what they need`, async t => {
    const { store, run, end, each } = await atEach(t)
    await end(each, expanded([10, 20]))

    const near = async (task: string): Promise<readonly string[]> =>
      (await store.pageTasks({ run: run.id, around: task }, { limit: 9 })).items.map(line => line.name)
    const { items } = await store.pageTasks({ run: run.id }, { limit: 9 })

    assert.deepEqual(await store.countTasks(run.id), { succeeded: 1, waiting: 1, blocked: 1 })
    assert.deepEqual(
      items.map(line => line.items),
      [undefined, { ready: 2 }, undefined],
    )
    assert.deepEqual(
      [await near(items[0]!.id), await near(each.task)],
      [
        ['list', 'each'],
        ['list', 'each', 'behind'],
      ],
    )
  })

  test(`${name}: a call waits for the seats that it takes`, async t => {
    const code = { ...mapped, each: command('c', { forEach: 'list.items', executor: 'cluster' }) }
    const { store, take, end } = await bed(open, t, code)
    const [list] = await take(9)
    await end(list!, succeeded)
    const [each] = await take(9)
    await end(each!, expanded([1], undefined, 'remote'))

    assert.deepEqual(Object.keys(await store.dueAt(['executor', 'remote'])), ['remote'])
  })
}
