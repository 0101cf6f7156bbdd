import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kill, openField, until } from './field.ts'
import { disagreements, told } from './oracle.ts'
import { openCluster } from './postgres.ts'

/** Points of the engine at which a replica dies, each while others go on. */
const points = [
  'workflow.task_claimed',
  'compute.spawned',
  'compute.noted',
  'compute.begun',
  'workflow.task_executed',
  'workflow.task_recorded',
]

test(
  'replicas die at every point of a task’s life, and the one that is left finishes all, each result once',
  {
    timeout: 400_000,
  },
  async t => {
    const cluster = await openCluster(t)
    if (!cluster) return t.skip('PostgreSQL is not installed.')
    const url = await cluster.database('points')
    const field = await openField(t, () => url)
    const doomed = await Promise.all(
      points.map(point => field.replica(point.replace('.', '-'), { TRAINYARD_CRASHPOINT: point })),
    )

    // They take the work among them, until each has died of it.
    const runs: string[] = []
    const alive = (): number =>
      doomed.filter(({ child }) => child.signalCode === null && child.exitCode === null).length
    await until('all doomed replicas are dead', async () => {
      if (runs.length < 40) runs.push(await field.start(0.3))
      return alive() === 0
    })
    const heir = await field.replica('heir')
    await Promise.all(runs.map(run => field.workflow.settled(run, { timeoutMs: 120_000 })))

    const tasks = await told(field.workflow, runs)
    const { tasks: left, shims } = await field.processes()
    assert.deepEqual(
      {
        signals: await Promise.all(doomed.map(({ ended }) => ended)),
        states: [...new Set(tasks.map(({ state }) => state))],
        disagreements: disagreements(tasks, await field.oracle()),
        left: [...left, ...shims],
      },
      { signals: points.map(() => 'SIGKILL'), states: ['succeeded'], disagreements: [], left: [] },
    )
    kill(heir.child.pid!, 'SIGTERM')
    await heir.ended
  },
)
