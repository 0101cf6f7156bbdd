import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { kill, openField, until, type Field } from './field.ts'
import { disagreements, told } from './oracle.ts'
import { openCluster } from './postgres.ts'

/** A field on PostgreSQL; undefined, and the test is skipped, where that is not installed. */
async function open(t: TestContext): Promise<Field | undefined> {
  const cluster = await openCluster(t)
  if (!cluster) {
    t.skip('PostgreSQL is not installed.')
    return undefined
  }
  const url = await cluster.database('zombie')
  return openField(t, () => url)
}

test(
  'a server that stood still past its lease is refused: another one has followed its task to the end, which is recorded once',
  {
    timeout: 400_000,
  },
  async t => {
    const field = await open(t)
    if (!field) return
    const sleeper = await field.replica('sleeper')
    const run = await field.start(12, 0.1)
    await until('the first task has begun', async () => (await field.oracle()).length === 1)
    kill(sleeper.child.pid!, 'SIGSTOP')
    const stoppedAt = Date.now()
    const heir = await field.replica('heir')
    await until('the first task is done', async () => (await told(field.workflow, [run]))[0]!.state === 'succeeded')
    const took = Date.now() - stoppedAt
    kill(sleeper.child.pid!, 'SIGCONT')
    await field.workflow.settled(run, { timeoutMs: 90_000 })

    const tasks = await told(field.workflow, [run])
    t.diagnostic(`another server had the result of a task of 12 s ${took} ms after its own had stopped`)
    assert.deepEqual(
      {
        attempts: tasks.map(({ attempts }) => attempts.length),
        disagreements: disagreements(tasks, await field.oracle()),
      },
      { attempts: [1, 1, 1, 1], disagreements: [] },
    )
    for (const { child } of [sleeper, heir]) kill(child.pid!, 'SIGTERM')
    await Promise.all([sleeper.ended, heir.ended])
  },
)

test(
  'who is dead is noticed: a shim by its server, and a server with all that it held by another one',
  {
    timeout: 400_000,
  },
  async t => {
    const field = await open(t)
    if (!field) return
    const [first, second] = [await field.replica('first'), await field.replica('second')]
    const run = await field.start(60)
    const attempts = async () => (await told(field.workflow, [run]))[0]!.attempts
    const begun = async () => (await field.oracle()).filter(({ word }) => word === 'start').length
    await until('the first task has begun', async () => (await begun()) === 1)

    const shimKilledAt = Date.now()
    for (const pid of (await field.processes()).shims) kill(pid, 'SIGKILL')
    await until('the attempt is lost', async () => (await attempts())[0]!.state === 'lost')
    const shimMs = Date.now() - shimKilledAt
    await until('the task is begun again', async () => (await begun()) === 2)

    const { tasks, shims } = await field.processes()
    const allKilledAt = Date.now()
    // Whoever follows it, and all that it held.
    const holder = (await field.holder(run)) === 'first' ? first : second
    for (const pid of [holder.child.pid!, ...shims, ...tasks]) kill(pid, 'SIGKILL')
    await until('the second attempt is lost too', async () => (await attempts())[1]!.state === 'lost')
    const serverMs = Date.now() - allKilledAt

    t.diagnostic(`a dead shim was noticed after ${shimMs} ms, a dead server after ${serverMs} ms`)
    assert.deepEqual(
      (await attempts()).slice(0, 2).map(({ state }) => state),
      ['lost', 'lost'],
    )
    await field.workflow.cancel(run, 'ann')
    await field.workflow.settled(run, { timeoutMs: 60_000 })
  },
)
