import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '#statistics'
import { kill, openField, until, type Field, type Replica } from './field.ts'
import { disagreements, told } from './oracle.ts'
import { openCluster, type Cluster } from './postgres.ts'

/** Another storm: STORM_SEED=7 npm run test:storm. */
const seed = Number(process.env['STORM_SEED'] ?? 20_261_128)
const rounds = 30
const runsMin = 8

test(
  'on SQLite, one server: it, its shims and its tasks are killed all the time, and every result is recorded once',
  {
    timeout: 400_000,
  },
  async t => {
    const field = await openField(t, shared => `sqlite:${join(shared, 'state.db')}`)
    await weather(t, field, { replicas: ['one'] })
  },
)

test(
  'on PostgreSQL, three servers: they, their shims, tasks and the database are hit, and every result is recorded once',
  {
    timeout: 400_000,
  },
  async t => {
    const cluster = await openCluster(t)
    if (!cluster) return t.skip('PostgreSQL is not installed.')
    const url = await cluster.database('storm')
    const field = await openField(t, () => url)
    await weather(t, field, { replicas: ['one', 'two', 'three'], cluster })
  },
)

interface Weather {
  readonly replicas: readonly string[]
  readonly cluster?: Cluster
}

/** A storm, the calm after it, and what must hold then. */
async function weather(t: TestContext, field: Field, { replicas, cluster }: Weather): Promise<void> {
  const over = new AbortController()
  const crew = await Promise.all(replicas.map(name => keep(field, name, over.signal)))
  const runs: string[] = []
  const hits = await rage({ field, crew, cluster, runs })
  await until(
    'all runs have ended',
    async () => {
      const states = await Promise.all(runs.map(run => field.workflow.run(run).catch(() => undefined)))
      return states.every(run => run?.endedAt !== undefined)
    },
    150_000,
  )
  over.abort()
  for (const { current } of crew) kill(current().child.pid!, 'SIGTERM')
  await Promise.all(crew.map(({ current }) => current().ended))

  const tasks = await told(field.workflow, runs)
  const attempts = tasks.flatMap(task => task.attempts)
  const count = (state: string): number => attempts.filter(attempt => attempt.state === state).length
  t.diagnostic(
    `${runs.length} runs, ${tasks.length} tasks, ${attempts.length} attempts: ${count('succeeded')} succeeded, ${count('failed')} failed, ${count('lost')} lost; hits ${JSON.stringify(hits)}`,
  )
  const { tasks: left, shims } = await field.processes()
  assert.ok(runs.length >= runsMin, `${runs.length} runs`)
  assert.deepEqual(
    {
      states: [...new Set(tasks.map(({ state }) => state))],
      disagreements: disagreements(tasks, await field.oracle()),
      left: [...left, ...shims],
      unfinished: await unfinished(field.shared),
    },
    { states: ['succeeded'], disagreements: [], left: [], unfinished: [] },
  )
}

/** A replica that is started again whenever it dies, until the storm is over. */
async function keep(field: Field, name: string, signal: AbortSignal): Promise<{ current(): Replica }> {
  let replica = await field.replica(name)
  const restart = async (): Promise<void> => {
    while (!signal.aborted) {
      await replica.ended
      if (!signal.aborted) replica = await field.replica(name)
    }
  }
  void restart()
  return { current: () => replica }
}

interface Rage {
  readonly field: Field
  readonly crew: readonly { current(): Replica }[]
  readonly cluster: Cluster | undefined
  /** Those that were started. */
  readonly runs: string[]
}

/** Starts runs and hits something every 50 to 500 ms. */
async function rage({ field, crew, cluster, runs }: Rage): Promise<Readonly<Record<string, number>>> {
  const random = seededRandom(seed)
  const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(random() * of.length)]
  const hits: Record<string, number> = {}
  const strike: Record<string, () => Promise<void>> = {
    server: async () => kill(pick(crew)!.current().child.pid!, 'SIGKILL'),
    shim: async () => killOne(pick((await field.processes()).shims)),
    task: async () => killOne(pick((await field.processes()).tasks)),
    async all() {
      const { tasks, shims } = await field.processes()
      for (const pid of [...crew.map(({ current }) => current().child.pid!), ...shims, ...tasks]) kill(pid, 'SIGKILL')
    },
    ...(cluster && { cut: () => cluster.cut(), restart: () => cluster.restart(), pause: () => cluster.pause(2_000) }),
  }
  const often = ['server', 'server', 'shim', 'shim', 'task', 'task', 'task', ...(cluster ? ['cut'] : [])]
  const seldom = ['all', ...(cluster ? ['restart', 'pause'] : [])]
  for (let round = 0; round < rounds; round++) {
    if (round % 4 === 0)
      await field.start(0.2 + random()).then(
        run => runs.push(run),
        () => {},
      )
    const name = round % 15 === 14 ? seldom[Math.floor(round / 15) % seldom.length]! : pick(often)!
    hits[name] = (hits[name] ?? 0) + 1
    await strike[name]!()
    await sleep(50 + random() * 450)
  }
  return hits
}

const killOne = (pid: number | undefined): void => {
  if (pid !== undefined) kill(pid, 'SIGKILL')
}

/** Files that somebody was about to give their name. */
async function unfinished(shared: string): Promise<readonly string[]> {
  const names = await readdir(join(shared, 'blobs'), { recursive: true }).catch(() => [])
  return names.filter(name => name.endsWith('.part'))
}
