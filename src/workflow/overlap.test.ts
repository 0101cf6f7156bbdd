import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import type { OverlapPolicy } from '#project'
import type { Cause } from './run.ts'
import { inProcess, objective, openBed, until } from './testing.ts'

const happened = defineEvent('test.happened', z.object({}))
/** A pipeline of one task that runs until it is told to end, or is stopped. */
async function open(t: TestContext, overlap: OverlapPolicy | undefined, maxActive?: number) {
  const ends: (() => void)[] = []
  let isOver = false
  // Before the database goes.
  t.after(async () => {
    isOver = true
    ends.forEach(end => end())
    const { items } = await bed.workflow.runs({ project: 'rain' }, { limit: 10 })
    for (const { id } of items) await bed.workflow.settled(id, { timeoutMs: 60_000 })
  })
  const executor = inProcess(async ({ signal }) => {
    await new Promise<void>((resolve, reject) => {
      ends.push(resolve)
      if (isOver) resolve()
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
    return { outputs: {}, metrics: [], facts: {} }
  })
  const bed = await openBed(t, { executor })
  t.after(() => bed.outbox.stop())
  const triggers = [{ on: 'event', type: happened.type }]
  const rule = { ...(overlap && { overlap }), ...(maxActive && { maxActive }) }
  const pipelines = { fit: { triggers, ...rule, tasks: { a: { run: 'true' } } } }
  await bed.projects.apply({ actor: 'ann', spec: { name: 'rain', objective, pipelines } })
  bed.outbox.start()
  await bed.outbox.settled()
  const start = async (cause: Cause = { kind: 'manual', reason: 'A test.' }): Promise<string> =>
    (await bed.workflow.start({ project: 'rain', pipeline: 'fit', cause })).id
  const running = async (count: number): Promise<void> => until(() => ends.length === count)
  const tick = async () => {
    await bed.db.transaction().execute(tx => bed.outbox.emit(tx, happened, { project: 'rain', data: {} }))
    await bed.outbox.settled()
    const key = { project: 'rain', pipeline: 'fit', name: 'event' }
    return (await bed.workflow.triggers.ticks(key, { limit: 1 })).items[0]
  }
  const seen = async (run: string) => {
    const { state, behind, error } = await bed.workflow.run(run)
    return [state, ...(behind === undefined ? [] : [behind]), ...(error === undefined ? [] : [error])]
  }
  return { ...bed, start, tick, seen, running, end: (index: number) => ends[index]!() }
}

test('queue: runs go on one after the other, in the order in which they were started', async t => {
  const { start, tick, seen, running, end, workflow } = await open(t, 'queue')
  const first = await start()
  await running(1)

  const second = (await tick())!.run!
  const third = await start()
  const held = [await seen(second), await seen(third)]
  end(0)
  await running(2)
  const later = await Promise.all([first, second, third].map(seen))
  end(1)
  await running(3)
  end(2)

  assert.deepEqual(
    [held, later, (await workflow.settled(third, { timeoutMs: 60_000 })).state],
    [
      [
        ['held', first],
        ['held', second],
      ],
      [['succeeded'], ['running'], ['held', second]],
      'succeeded',
    ],
  )
})

test('skip: a tick and a person are told which run is active; what an incident asks for waits', async t => {
  const { start, tick, seen, running } = await open(t, 'skip')
  const first = await start()
  await running(1)

  const skipped = await tick()
  const asked = await start({ kind: 'incident', reason: 'It got worse.', ref: 'inc_1' })

  assert.deepEqual(
    [skipped?.run, skipped?.skipped, await seen(asked)],
    [undefined, `Run ${first} is active.`, ['held', first]],
  )
  await assert.rejects(start(), {
    code: 'conflict',
    message: `Pipeline fit starts no run beside another one: Run ${first} is active.`,
  })
})

test('cancel-new: the new run is there, cancelled, and says why', async t => {
  const { start, tick, seen, states, running } = await open(t, 'cancel-new')
  const first = await start()
  await running(1)

  const run = (await tick())!.run!

  assert.deepEqual(
    [await seen(run), await states(run), await seen(first)],
    [['cancelled', `Run ${first} is active.`], { a: 'cancelled' }, ['running']],
  )
})

test('cancel-running: what is active and what is held give way to the newest, which begins when they have ended', async t => {
  const { start, seen, running, workflow, end } = await open(t, 'cancel-running', 2)
  const [first, second] = [await start(), await start()]
  await running(2)

  const third = await start()
  await running(3)
  const fourth = await start()
  await running(4)
  end(3)
  await workflow.settled(fourth, { timeoutMs: 60_000 })

  assert.deepEqual(await Promise.all([first, second, third, fourth].map(seen)), [
    ['cancelled', `Run ${third} took its place.`],
    ['cancelled', `Run ${fourth} took its place.`],
    ['running'],
    ['succeeded'],
  ])
})

test('a run that is resumed waits like any other, and a held run is cancelled without having begun', async t => {
  const { start, seen, running, workflow, end } = await open(t, undefined, 1)
  const first = await start()
  await running(1)
  await workflow.cancel(first, 'ann')
  await workflow.settled(first, { timeoutMs: 60_000 })
  const second = await start()
  const third = await start()
  await running(2)

  await workflow.resume(first, 'ann')
  const held = [await seen(third), await seen(first)]
  await workflow.cancel(third, 'ann')
  end(1)
  await running(3)

  assert.deepEqual(
    [held, await seen(third), await seen(first)],
    [
      [
        ['held', second],
        ['held', third],
      ],
      ['cancelled'],
      ['running'],
    ],
  )
})
