import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import type { ProjectFileInput } from '#project'
import { fsBlobs } from '#storage'
import type { Params } from './run.ts'
import { inProcess, objective, openBed, testFolder, until } from './testing.ts'

const pipelines: ProjectFileInput['pipelines'] = {
  fit: {
    tasks: {
      prepare: { run: 'prepare' },
      train: { run: 'train', after: ['prepare'], params: { rate: 0.1 }, outputs: { score: 'number', model: 'model' } },
    },
    outputs: { score: 'train.score', model: 'train.model' },
  },
  compare: {
    tasks: {
      rates: { run: 'rates', outputs: { all: 'list' } },
      one: { pipeline: 'fit', params: { rate: 0.5 } },
      each: { pipeline: 'fit', params: { rate: { from: 'item' } }, forEach: 'rates.all' },
      pick: {
        run: 'pick',
        params: { one: { from: 'one.score' }, each: { from: 'each.score' } },
        inputs: { model: 'one.model', models: 'each.model' },
        expects: { model: 'model' },
      },
    },
  },
}

/** `train` gives its rate as its score; it fails, and holds, as long as it is told to. */
async function openFits(t: TestContext) {
  const folder = await testFolder(t)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const calls: { task: string; params: Params }[] = []
  const told = { fails: new Set<unknown>(), hold: undefined as Promise<void> | undefined }
  const bed = await openBed(t, {
    over: { folder, db: (await openBed(t, { isStopped: true })).db },
    executor: inProcess(async ({ task, params, signal }) => {
      calls.push({ task, params })
      signal.throwIfAborted()
      if (told.hold && task === 'train')
        await Promise.race([told.hold, new Promise((_, reject) => signal.addEventListener('abort', reject))])
      if (task === 'train' && told.fails.has(params['rate'])) throw new TrainyardError('task_failed', 'No.')
      const files: Record<string, Record<string, string>> = {
        rates: { all: '[1,2]' },
        train: { score: JSON.stringify(params['rate'] ?? null), model: `model ${JSON.stringify(params['rate'])}` },
      }
      const made = Object.entries(files[task] ?? {}).map(async ([name, text]) => [name, await blobs.put(text)] as const)
      return { outputs: Object.fromEntries(await Promise.all(made)), metrics: [], facts: {} }
    }),
  })
  await bed.projects.apply({ actor: 'ann', spec: { name: 'rain', objective, pipelines } })
  const start = (pipeline = 'compare') =>
    bed.workflow.start({ project: 'rain', pipeline, cause: { kind: 'manual', reason: 'A test.' }, actor: 'ann' })
  return { ...bed, calls, told, start, settled: (id: string) => bed.workflow.settled(id, { timeoutMs: 60_000 }) }
}

test('a task is a run of another pipeline: parameters go in, outputs come out, and each knows the other', async t => {
  const { start, settled, workflow, calls, ledger, warnings } = await openFits(t)

  const { id } = await start()
  const run = await settled(id)

  const { task: one } = await workflow.task(id, 'one')
  const child = await workflow.run(one.child!)
  const { edges } = await ledger.ancestors(child.id)
  assert.deepEqual(
    {
      run: [run.state, run.error, warnings],
      pick: calls.find(({ task }) => task === 'pick')?.params,
      one: [one.kind, one.outputs['score']?.value],
      child: [child.pipeline, child.parentTask, child.actor, child.revision, child.params, child.cause.ref],
      lineage: edges.some(edge => edge.from === child.id && edge.to === id && edge.relation === 'caused_by'),
      prepared: calls.filter(({ task }) => task === 'prepare').length,
    },
    {
      run: ['succeeded', undefined, []],
      pick: { one: 0.5, each: [1, 2] },
      one: ['pipeline', 0.5],
      child: ['fit', one.id, 'ann', run.revision, { rate: 0.5 }, id],
      lineage: true,
      prepared: 3,
    },
  )
})

test('a failure goes up, and a resume goes down to what failed alone', async t => {
  const { start, settled, workflow, calls, told } = await openFits(t)
  told.fails.add(0.5)
  const { id } = await start()
  const failed = await settled(id)
  const { task: before } = await workflow.task(id, 'one')
  told.fails.clear()

  await workflow.resume(id, 'ann')
  const resumed = await settled(id)

  const { task: after } = await workflow.task(id, 'one')
  assert.match(failed.error!, /^Task one: Run run_.* of fit failed: Task train: No\.$/)
  assert.deepEqual(
    [failed.state, resumed.state, after.child === before.child, calls.filter(({ task }) => task === 'prepare').length],
    ['failed', 'succeeded', true, 3],
  )
  assert.equal(calls.filter(({ task, params }) => task === 'train' && params['rate'] === 0.5).length, 2)
})

test('a cancel goes down, and a run that is cancelled below fails its task', async t => {
  const { start, settled, workflow, told, calls, states } = await openFits(t)
  told.hold = new Promise(() => {})
  const training = (count: number) => until(() => calls.filter(({ task }) => task === 'train').length >= count)
  const first = await start()
  await training(1)

  await workflow.cancel(first.id, 'ann')
  const cancelled = await settled(first.id)
  const { items } = await workflow.runs({ project: 'rain', pipeline: 'fit' }, { limit: 9 })
  const children = await Promise.all(items.map(({ id }) => settled(id)))

  const second = await start()
  await until(async () => (await workflow.task(second.id, 'one')).task.child !== undefined)
  const { child } = (await workflow.task(second.id, 'one')).task
  await workflow.cancel(child!, 'ann')
  await until(async () => (await states(second.id))['one'] === 'failed')
  const { error } = (await workflow.task(second.id, 'one')).task
  await workflow.cancel(second.id, 'ann')

  assert.deepEqual(
    [cancelled.state, new Set(children.map(({ state }) => state)), error?.includes('of fit cancelled')],
    ['cancelled', new Set(['cancelled']), true],
  )
})
