import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import { fsBlobs, readTree } from '#storage'
import type { RunTask } from './run.ts'
import { command, inProcess, openBed, testFolder } from './testing.ts'

/** Commands that write what `work` says of an item, beside a list of these items. */
async function openItems(
  t: TestContext,
  items: readonly Json[],
  work: (item: Json) => Readonly<Record<string, string>>,
) {
  const folder = await testFolder(t)
  const blobs = fsBlobs(join(folder, 'blobs'))
  let now = 0
  let most = 0
  const bed = await openBed(t, {
    deps: { parallelTasks: 8, parallelRemoteTasks: 3 },
    over: { folder, db: (await openBed(t, { isStopped: true })).db },
    executor: inProcess(async ({ task, params }) => {
      most = Math.max(most, ++now)
      await new Promise(resolve => setTimeout(resolve, 5))
      now -= 1
      const files = task === 'list' ? { items: JSON.stringify(items) } : work(params['item'] ?? null)
      const outputs = await Promise.all(
        Object.entries(files).map(async ([name, text]) => [name, await blobs.put(text)] as const),
      )
      return { outputs: Object.fromEntries(outputs), metrics: [], facts: { params } as never }
    }),
  })
  return { ...bed, blobs, atOnceMax: () => most }
}

const list = command('list', { outputs: { items: 'list' } })
const each = (more: Partial<RunTask> = {}): RunTask =>
  command('each', { outputs: { squared: 'number', file: 'file' }, forEach: 'list.items', ...more })
const square = (item: Json): Record<string, string> => {
  if (Number(item) < 0) throw new TrainyardError('task_failed', `No root of ${Number(item)}.`)
  return { squared: String(Number(item) ** 2), file: `file of ${Number(item)}` }
}

test('calls on other machines take the seats for these, as many as there are', async t => {
  const { run, atOnceMax } = await openItems(t, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], square)

  const done = await run({ list, each: each({ executor: 'cluster' }) })

  assert.deepEqual([done.state, atOnceMax()], ['succeeded', 3])
})

test('what the calls give is a list in the order of the items, and files in a folder', async t => {
  const { run, workflow, blobs, atOnceMax, warnings } = await openItems(t, [3, 1, 2], square)

  const done = await run({
    list,
    each: each({ forEach: { items: 'list.items', parallel: 2 } }),
    sum: command('sum', { params: { all: { from: 'each.squared' } }, inputs: { files: 'each.file' } }),
  })

  const { task: mapped } = await workflow.task(done.id, 'each')
  const { task: call } = await workflow.task(done.id, 'each[1]')
  const sum = await workflow.task(done.id, 'sum')
  const { file } = mapped.outputs
  const tree = await readTree(blobs, file!.digest!)
  assert.deepEqual(
    {
      state: done.state,
      warnings,
      squared: mapped.outputs['squared']?.value,
      files: [file?.files, Object.keys(tree), (await blobs.bytes(tree['1']!.digest)).toString()],
      items: mapped.items,
      metrics: mapped.metrics,
      call: [call.name, call.item, call.outputs['squared']?.value],
      params: sum.task.params,
      atOnce: atOnceMax(),
    },
    {
      state: 'succeeded',
      warnings: [],
      squared: [9, 1, 4],
      files: [3, ['0', '1', '2'], 'file of 1'],
      items: { succeeded: 3 },
      metrics: { items: 3, failed: 0 },
      call: ['each[1]', 1, 1],
      params: { all: [9, 1, 4] },
      atOnce: 2,
    },
  )
})

test('a task succeeds with the share of items that it asks for, and fails below it, naming the first', async t => {
  const { run, workflow } = await openItems(t, [1, -2, 3, 4], square)
  const enough = await run({ list, each: each({ forEach: { items: 'list.items', minSuccess: 0.75 } }) })
  const few = await run({ list, each: each({ forEach: { items: 'list.items', minSuccess: 0.8 }, retries: 1 }) })

  const kept = (await workflow.task(enough.id, 'each')).task
  const lost = await workflow.task(few.id, 'each[1]')
  assert.deepEqual(
    [enough.state, kept.outputs['squared']?.value, kept.metrics, lost.task.attempt, few.error],
    [
      'succeeded',
      [1, null, 9, 16],
      { items: 4, failed: 1 },
      2,
      'Task each: 1 of 4 items did not succeed; at least 80 % must. The first, [1]: No root of -2.',
    ],
  )
})

test('a condition about the item is asked of each call, and any other once', async t => {
  const { run, workflow } = await openItems(t, [1, 2, 3], square)

  const some = await run({ list, each: each({ when: { value: 'item', above: 1 } }) })
  const none = await run({
    list,
    each: each({ when: { value: 'list.items', is: 'x' }, params: { n: { from: 'item' } } }),
  })

  const task = (await workflow.task(some.id, 'each')).task
  const skipped = (await workflow.task(none.id, 'each')).task
  assert.deepEqual(
    [task.items, task.outputs['squared']?.value, skipped.state, skipped.items],
    [{ skipped: 1, succeeded: 2 }, [null, 4, 9], 'skipped', undefined],
  )
})

test('a resumed run calls again for what failed alone, and gathers all', async t => {
  let isMended = false
  const calls: Json[] = []
  const { run, workflow } = await openItems(t, [1, 2, 3], item => {
    calls.push(item)
    if (item === 2 && !isMended) throw new TrainyardError('task_failed', 'Not yet.')
    return square(item)
  })
  const first = await run({ list, each: each({ outputs: { squared: 'number' } }) })
  isMended = true

  await workflow.resume(first.id, 'ann')
  const again = await workflow.settled(first.id, { timeoutMs: 60_000 })

  assert.deepEqual(
    [
      first.state,
      again.state,
      calls.toSorted((a, b) => Number(a) - Number(b)),
      (await workflow.task(first.id, 'each')).task.outputs['squared']?.value,
    ],
    ['failed', 'succeeded', [1, 2, 2, 3], [1, 4, 9]],
  )
})

test('what is no list fails its task and says so', async t => {
  const { run } = await openItems(t, [], square)

  const done = await run({ list: command('list', { outputs: { items: 'object' } }), each: each() })

  assert.match(done.error!, /^Task list: Output items is declared as object and says \[\]\.$/)
})
