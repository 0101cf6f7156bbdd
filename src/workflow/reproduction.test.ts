import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { ProjectFileInput } from '#project'
import { fsBlobs } from '#storage'
import { inProcess, objective, openBed, testFolder } from './testing.ts'

const pipelines: ProjectFileInput['pipelines'] = {
  training: {
    tasks: {
      ingest: { uses: 'data.ingest', params: { source: 'weather' } },
      prepare: { run: 'prepare', inputs: { rows: 'ingest.dataset' }, outputs: ['table'], cache: 'write' },
      fit: {
        run: 'fit',
        inputs: { table: 'prepare.table' },
        outputs: { model: 'model', score: 'number' },
        params: { rate: 0.1 },
        when: { param: 'rate', above: 0 },
      },
      never: { run: 'never', when: { param: 'x', is: 2 }, params: { x: 1 } },
    },
    finally: { tell: { run: 'tell' } },
  },
}

/** Commands that write what they were given, their seed, and `noise()`. */
async function openTraining(t: TestContext, noise: (task: string) => string = () => '') {
  const folder = await testFolder(t)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const calls: string[] = []
  let ingested = 0
  const bed = await openBed(t, {
    over: { folder, db: (await openBed(t, { isStopped: true })).db },
    handlers: { 'data.ingest': async () => ({ outputs: { dataset: await blobs.put(`rows ${++ingested}`) } }) },
    executor: inProcess(async ({ task, params, inputs, seed, spec }) => {
      calls.push(task)
      const given = Object.values(inputs).map(({ digest }) => digest)
      const text = JSON.stringify([task, params, given, seed, noise(task)])
      const made = spec.outputs.map(async name => [name, await blobs.put(name === 'score' ? '0.5' : text)] as const)
      return { outputs: Object.fromEntries(await Promise.all(made)), metrics: [], facts: {} }
    }),
  })
  const spec = { name: 'rain', objective, sources: { weather: { type: 'csv' } }, pipelines } as const
  await bed.projects.apply({ actor: 'ann', spec })
  const { id } = await bed.workflow.start({
    project: 'rain',
    pipeline: 'training',
    params: { rate: 0.7 },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  const settled = (run: string) => bed.workflow.settled(run, { timeoutMs: 60_000 })
  await settled(id)
  return {
    ...bed,
    id,
    calls,
    async again() {
      calls.length = 0
      const run = await settled((await bed.workflow.reproduce(id, 'ann')).id)
      return { ended: run, ...(await bed.workflow.reproduction(run.id)) }
    },
  }
}

test('a run is done again on what it read then, and gives the same bytes', async t => {
  const { again, calls, id } = await openTraining(t)

  const { ended, of, isIdentical, tasks } = await again()

  assert.deepEqual(
    [ended.state, ended.error, ended.params, of, isIdentical, calls, tasks.map(({ name, verdict }) => [name, verdict])],
    [
      'succeeded',
      undefined,
      { rate: 0.7 },
      id,
      true,
      ['prepare', 'fit'],
      [
        ['prepare', 'identical'],
        ['fit', 'identical'],
      ],
    ],
  )
})

test('what differs is named: the task of which nothing it was given did, and those it was given to', async t => {
  let count = 0
  const { again } = await openTraining(t, task => (task === 'prepare' ? String(++count) : ''))

  const { isIdentical, tasks } = await again()

  assert.deepEqual(
    [isIdentical, tasks.map(({ name, verdict, outputs, inputs }) => [name, verdict, outputs, inputs])],
    [
      false,
      [
        ['prepare', 'different', ['table'], []],
        ['fit', 'different', ['model'], ['table']],
      ],
    ],
  )
})

test('a run that does no other again has no answer, and what made nothing is not done again', async t => {
  const { id, run, workflow } = await openTraining(t)
  workflow.provide('x', async () => ({}))
  const platform = await run({ a: { uses: 'x', inputs: {}, outputs: [], params: {}, after: [], retries: 0 } })

  await assert.rejects(workflow.reproduction(id), /does no other run again/)
  await assert.rejects(workflow.reproduce(platform.id, 'ann'), /nothing that can be done again/)
})
