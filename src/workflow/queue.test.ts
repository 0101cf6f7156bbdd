import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { testEngines } from '#storage/testing.ts'
import { command, inProcess, migrations, openBed, testFolder, until, type TestBed } from './testing.ts'

const machine = { cpu: 2, memoryBytes: 2 ** 30, gpus: [] }
const cause = { kind: 'manual', reason: 'A test.' } as const

for (const engine of testEngines()) {
  /** Servers on one database. What they have done is noted, and who had how much to do at once. */
  const openServers = async (t: TestContext) => {
    const over = { db: await engine.open(t, migrations), folder: await testFolder(t) }
    const done: string[] = []
    const most: Record<string, number> = {}
    const full = Promise.withResolvers<void>()
    const server = (
      owner: string,
      parallelTasks: number,
      queues: Readonly<Record<string, number>>,
    ): Promise<TestBed> => {
      let running = 0
      const executor = inProcess(async ({ task }) => {
        most[owner] = Math.max(most[owner] ?? 0, ++running)
        if (running === queues['gpu']) full.resolve()
        if (task.startsWith('fit')) await full.promise
        await new Promise(resolve => setTimeout(resolve, 20))
        running -= 1
        done.push(`${task.replace(/\d+$/, '')} ${owner}`)
        return { outputs: {}, metrics: [], facts: {} }
      })
      return openBed(t, { over, executor, deps: { owner, parallelTasks, room: { pools: {}, machine, queues } } })
    }
    return { server, done, most }
  }

  test(`${engine.name}: a task of a queue is a server's that has seats for it, and a server of queues takes no others`, async t => {
    const { server, done, most } = await openServers(t)
    const plain = await server('plain', 2, {})
    const six = [1, 2, 3, 4, 5, 6].map(index => [`fit${index}`, command('fit', { queue: 'gpu' })] as const)
    const tasks = {
      ...Object.fromEntries(six),
      here: command('here'),
      far: command('far', { executor: 'cluster', queue: 'gpu' }),
    }

    const run = await plain.workflow.start({ project: 'rain', pipeline: 'test', tasks, cause })
    await until(async () => (await plain.states(run.id))['here'] === 'succeeded')
    const [waiting] = await plain.workflow.tasks(run.id)
    await server('gpu', 0, { gpu: 3 })
    const next = await plain.workflow.start({
      project: 'rain',
      pipeline: 'test',
      tasks: { here: command('here') },
      cause,
    })
    const ended = [run, next].map(({ id }) => plain.workflow.settled(id, { timeoutMs: 60_000 }))

    assert.deepEqual(
      {
        waiting: [waiting?.state, waiting?.waitingFor],
        ended: (await Promise.all(ended)).map(({ state }) => state),
        done: Object.fromEntries(
          Object.entries(Object.groupBy(done, one => one)).map(([one, all]) => [one, all?.length]),
        ),
        most,
      },
      {
        waiting: ['ready', 'a seat of queue gpu, of which this server has none'],
        ended: ['succeeded', 'succeeded'],
        done: { 'fit gpu': 6, 'far gpu': 1, 'here plain': 2 },
        most: { plain: 1, gpu: 3 },
      },
    )
  })

  test(`${engine.name}: who waits too long for a server of its queue fails, and says so`, async t => {
    const { server } = await openServers(t)
    const plain = await server('plain', 2, {})

    const run = await plain.run({ fit: command('fit', { queue: 'gpu', queueTimeout: '50ms' }) })

    const why = 'a seat of queue gpu, of which this server has none'
    assert.equal(run.error, `Task fit: It has waited for room for longer than 50ms: ${why}.`)
  })
}
