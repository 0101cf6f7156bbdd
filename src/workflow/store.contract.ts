import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { newId } from '#kernel/id.ts'
import { bed, draft } from './contract-bed.ts'
import type { TaskRecord } from './record.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import { task } from './testing.ts'

const succeeded: Outcome = { state: 'succeeded', outputs: {}, metrics: {} }

/** What every {@link WorkflowStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function workflowStoreContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  test(`${name}: a task is ready when all that it needs has succeeded, and the run ends with its last task`, async t => {
    const { store, run, states, take, end } = await bed(open, t, {
      a: task('x'),
      b: task('x'),
      c: task('x', { after: ['a', 'b'] }),
    })

    const first = await take(10)
    await end(first[0]!, succeeded)
    const half = await states()
    const last = await end(first[1]!, succeeded)
    const [third] = await take(10)
    const early = await store.endedRuns([run.id, 'run_0'])
    const done = await end(third!, succeeded)

    assert.deepEqual(
      {
        first: first.map(claim => claim.name),
        half,
        last: last?.runEnded,
        third: third?.name,
        done: [done?.runEnded, done?.run.state],
        stored: (await store.findRun(run.id))?.state,
        ended: [early, await store.endedRuns([run.id, 'run_0'])],
      },
      {
        first: ['a', 'b'],
        half: { a: 'succeeded', b: 'running', c: 'blocked' },
        last: false,
        third: 'c',
        done: [true, 'succeeded'],
        stored: 'succeeded',
        ended: [new Set(), new Set([run.id])],
      },
    )
  })

  test(`${name}: each task is given to one of many who claim at once`, async t => {
    const tasks = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`t${index}`, task('x')]))
    const { take } = await bed(open, t, tasks)

    const taken = (await Promise.all(Array.from({ length: 20 }, (_, index) => take(3, `owner-${index}`)))).flat()
    const rest = await take(100)

    const names = [...taken, ...rest].map(claim => claim.name)
    assert.deepEqual([names.length, new Set(names).size], [40, 40])
  })

  test(`${name}: the result of an attempt is recorded once, and only by its owner`, async t => {
    const { take, end, states } = await bed(open, t, { a: task('x') })
    const [claim] = await take(1, 'me')

    const stranger = await end(claim!, succeeded, 'other')
    const both = await Promise.all([
      end(claim!, succeeded, 'me'),
      end(claim!, { state: 'failed', error: 'late' }, 'me'),
    ])

    assert.deepEqual(
      [stranger, both.filter(Boolean).length, (await states())['a']],
      [undefined, 1, both[0] ? 'succeeded' : 'failed'],
    )
  })

  test(`${name}: of tasks that end at the same time one ends the run`, async t => {
    const tasks = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`t${index}`, task('x')]))
    const { take, end } = await bed(open, t, tasks)
    const claims = await take(12)

    const ends = await Promise.all(claims.map(claim => end(claim, succeeded)))

    assert.equal(ends.filter(finished => finished?.runEnded).length, 1)
  })

  test(`${name}: a failure skips all that is behind it, and the run fails when the rest has ended`, async t => {
    const { store, run, take, end, states } = await bed(open, t, {
      a: task('x'),
      b: task('x', { after: ['a'] }),
      c: task('x', { after: ['b'] }),
      other: task('x'),
    })
    const [a, other] = await take(2)

    const failed = await end(a!, { state: 'failed', error: 'no' })
    const after = await states()
    const last = await end(other!, succeeded)

    assert.deepEqual(
      {
        early: failed?.runEnded,
        after,
        late: [last?.runEnded, last?.run.state, last?.run.error],
        runs: (await store.listRuns({ project: 'rain', state: 'failed' }, { limit: 9 })).items.map(item => item.id),
      },
      {
        early: false,
        after: { a: 'failed', b: 'skipped', c: 'skipped', other: 'running' },
        late: [true, 'failed', 'Task a: no'],
        runs: [run.id],
      },
    )
  })

  test(`${name}: a retry and a wait are due at their instant; only the retry is another attempt`, async t => {
    const { take, end, at } = await bed(open, t, { a: task('x', { retries: 1 }) })
    const [first] = await take(1)
    await end(first!, { state: 'retry', error: 'no', nextAt: 5_000 })
    const early = await take(1)
    at(5_000)
    const [second] = await take(1)
    await end(second!, { state: 'waiting', waitingFor: 'the moon', nextAt: 6_000 })
    at(6_000)
    const [third] = await take(1)

    assert.deepEqual(
      [early, [first, second, third].map(claim => [claim?.number, claim?.isNew]), third?.attempt === second?.attempt],
      [
        [],
        [
          [1, true],
          [2, true],
          [2, false],
        ],
        true,
      ],
    )
  })

  test(`${name}: a lost attempt makes its task ready without costing a try`, async t => {
    const { take, end } = await bed(open, t, { a: task('x') })
    const [first] = await take(1)

    await end(first!, { state: 'lost', error: 'gone' })
    const [second] = await take(1)

    assert.deepEqual([second?.number, second?.attemptsMax], [2, 2])
  })

  test(`${name}: a task that is lost ten times in a row fails; stops of the platform and other ends do not count`, async t => {
    const { store, run, take, end, at } = await bed(open, t, { a: task('x', { retries: 1 }) })
    const lose = async (times: number, isPlanned = false) => {
      for (let time = 0; time < times; time++) {
        const [claim] = await take(1)
        await end(claim!, { state: 'lost', error: 'Gone.', ...(isPlanned && { isPlanned }) })
      }
      return (await store.listTasks(run.id))[0]!
    }

    const early = await lose(9)
    const stopped = await lose(12, true)
    const [tried] = await take(1)
    await end(tried!, { state: 'retry', error: 'no', nextAt: 0 })
    const anew = await lose(9)
    const last = await lose(1)
    await store.transaction(tx => store.resume(tx, run.id, { at: 2_000 }))
    at(2_000)
    const resumed = await lose(9)

    assert.deepEqual(
      [early, stopped, anew, last, resumed].map(({ state, error }) => [state, error]),
      [
        ['ready', 'Gone.'],
        ['ready', 'Gone.'],
        ['ready', 'Gone.'],
        ['failed', 'Gone. It was lost 10 times in a row and is not called again: does it end its own processes?'],
        ['ready', 'Gone.'],
      ],
    )
  })

  test(`${name}: a cancelled run begins nothing, and ends with what was running`, async t => {
    const { store, run, take, end, states } = await bed(open, t, {
      a: task('x', { retries: 3 }),
      b: task('x', { after: ['a'] }),
      c: task('x'),
    })
    const [a] = await take(1)

    const cancelled = await store.transaction(tx => store.cancel(tx, run.id, { at: 2_000 }))
    const after = await states()
    const last = await end(a!, { state: 'retry', error: 'TERM', nextAt: 0 })

    assert.deepEqual(
      {
        ended: cancelled?.ended,
        after,
        last: [last?.task.state, last?.runEnded, last?.run.state],
        due: await store.dueAt(['platform']),
        again: await store.transaction(tx => store.cancel(tx, run.id, { at: 3_000 })),
      },
      {
        ended: false,
        after: { a: 'running', b: 'cancelled', c: 'cancelled' },
        last: ['cancelled', true, 'cancelled'],
        due: {},
        again: undefined,
      },
    )
  })

  test(`${name}: resuming opens what did not succeed, and nothing else`, async t => {
    const { store, run, take, end, states, at } = await bed(open, t, {
      a: task('x'),
      b: task('x', { after: ['a'], retries: 1 }),
      c: task('x', { after: ['b'] }),
    })
    const tooEarly = await store.transaction(tx => store.resume(tx, run.id, { at: 1 }))
    const [a] = await take(1)
    await end(a!, succeeded)
    const [b] = await take(1)
    await end(b!, { state: 'failed', error: 'no' })

    at(7_000)
    const resumed = await store.transaction(tx => store.resume(tx, run.id, { at: 7_000 }))
    const after = await states()
    const [again] = await take(9)

    assert.deepEqual(
      {
        tooEarly,
        resumed: [resumed?.run.state, resumed?.run.error, resumed?.ended],
        after,
        again: [again?.name, again?.number, again?.attemptsMax],
      },
      {
        tooEarly: undefined,
        resumed: ['queued', undefined, false],
        after: { a: 'succeeded', b: 'ready', c: 'blocked' },
        again: ['b', 2, 3],
      },
    )
  })

  test(`${name}: one run for each key of a project, however many start it`, async t => {
    const store = await open(t)
    const drafts = Array.from({ length: 8 }, () => draft({ a: task('x') }, 'once'))

    const accepted = await Promise.all(drafts.map(one => store.transaction(tx => store.insertRun(tx, one))))
    const kept = await store.findRunByKey('rain', 'once')

    assert.deepEqual(
      [
        accepted.filter(Boolean).length,
        kept?.id,
        (await store.listRuns({ project: 'rain' }, { limit: 9 })).items.length,
      ],
      [1, drafts[accepted.indexOf(true)]!.run.id, 1],
    )
  })

  test(`${name}: inputs are what the producers gave`, async t => {
    const { store, run, take, end } = await bed(open, t, {
      a: task('x'),
      b: task('x', { inputs: { data: 'a.rows', more: 'a.absent' } }),
    })
    const [a] = await take(1)
    const rows = { ref: 'dsv_1', value: { rows: [1, 2] } }
    await end(a!, { state: 'succeeded', outputs: { rows }, metrics: { n: 2 } })

    const tasks = await store.listTasks(run.id)
    const [first, second] = tasks
    const page = await store.pageTaskRuns(run.id, { limit: 1 })
    const last = await store.pageTaskRuns(run.id, { limit: 1, after: page.next })

    assert.deepEqual([page, last], [{ items: [first], next: a!.task }, { items: [second] }])
    assert.deepEqual(
      [first?.outputs, first?.metrics, second?.inputs, second?.needs, (await store.outputs(run.id, ['a']))['a']],
      [{ rows }, { n: 2 }, { data: rows }, ['a'], { id: a!.task, outputs: { rows }, metrics: { n: 2 } }],
    )
  })

  test(`${name}: pages of runs are newest first and complete`, async t => {
    const store = await open(t)
    const ids = Array.from({ length: 5 }, () => newId<'run'>('run')).sort()
    for (const id of ids)
      await store.transaction(tx => store.insertRun(tx, { ...draft({ a: task('x') }), run: { ...draft({}).run, id } }))

    const first = await store.listRuns({ project: 'rain', pipeline: 'test' }, { limit: 3 })
    const second = await store.listRuns({ project: 'rain', pipeline: 'test' }, { limit: 3, after: first.next })

    assert.deepEqual([[...first.items, ...second.items].map(run => run.id), second.next], [ids.toReversed(), undefined])
  })

  test(`${name}: each attempt has its record, of which the last word counts, and the points of it stay apart`, async t => {
    const { store, take, end, at } = await bed(open, t, { a: task('x', { retries: 1 }) })
    const series = {
      at: [1],
      cpuSeconds: [0.5],
      rssBytes: [9],
      threads: [1],
      processes: [1],
      readBytes: [0],
      writtenBytes: [0],
    }
    const record: TaskRecord = {
      command: 'x',
      exit: { code: 3, cause: 'exit' },
      resources: { measured: 'sampled', series },
    }
    const [first] = await take(1)
    await store.transaction(tx => store.putRecord(tx, first!, { command: 'x' }))
    await store.transaction(tx => store.putRecord(tx, first!, record))
    await end(first!, { state: 'retry', error: 'no', nextAt: 2_000 })
    at(2_000)
    const [second] = await take(1)

    const attempts = await store.attempts(first!.task)

    assert.deepEqual(attempts, [
      { id: first!.attempt, number: 1, state: 'failed', error: 'no', startedAt: 1_000, endedAt: 1_000, record },
      { id: second!.attempt, number: 2, state: 'running', startedAt: 2_000, record: {} },
    ])
  })
}
