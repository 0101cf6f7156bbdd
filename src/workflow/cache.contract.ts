import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { bed } from './contract-bed.ts'
import type { TaskId } from './run.ts'
import type { WorkflowStore } from './store.ts'
import { command, task } from './testing.ts'

/** Which task makes, or has made, the result of some content. */
export function cacheContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  test(`${name}: of many who would hold a key one does, also instead of another; projects share none`, async t => {
    const tasks = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`t${index}`, task('x')]))
    const { store, run, take, end } = await bed(open, t, tasks)
    const claims = await take(9)
    const hold = (id: TaskId, instead?: TaskId, project = 'rain') =>
      store.holdCache({ project, key: 'k', task: id, instead })

    const none = await store.cacheHolder('rain', 'k')
    const first = await Promise.all(claims.slice(0, 3).map(claim => hold(claim.task)))
    const holder = await store.cacheHolder('rain', 'k')
    await end(claims[5]!, { state: 'succeeded', outputs: { y: { value: 1 } }, metrics: { n: 2 } })
    const next = await Promise.all([
      hold(claims[4]!.task, holder!.id),
      hold(claims[5]!.task, holder!.id),
      hold(claims[3]!.task, claims[5]!.task),
    ])
    const elsewhere = await store.cacheHolder('snow', 'k')

    assert.deepEqual(
      [none, first.filter(Boolean).length, holder?.state, holder?.run, next.filter(Boolean).length >= 1, elsewhere],
      [undefined, 1, 'running', run.id, true, undefined],
    )
  })

  test(`${name}: a task whose result another made lets those behind it run, and keeps who made it`, async t => {
    const { store, run, take, end, states } = await bed(open, t, {
      a: task('x'),
      b: task('x', { after: ['a'] }),
      c: command('c'),
    })
    const claims = await take(9)
    const maker = claims[0]!.task

    const ended = await end(claims[0]!, {
      state: 'cached',
      outputs: { y: { value: 1 } },
      metrics: { n: 2 },
      producer: maker,
    })

    const found = await store.findTaskRun(run.id, 'a')
    assert.deepEqual(
      [ended?.task.state, await states(), found?.outputs, found?.metrics, found?.producer],
      ['cached', { a: 'cached', b: 'ready', c: 'ready' }, { y: { value: 1 } }, { n: 2 }, maker],
    )
  })
}
