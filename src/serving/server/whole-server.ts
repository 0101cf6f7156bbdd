import type { ServerStatus } from '../routes-file.ts'
import type { QueueStatus } from '../wire.ts'
import type { Answers, Family } from './family.ts'
import { metricsText } from './metrics.ts'
import { addedRecent, type Recent } from './recent-requests.ts'
import type { LiveDeployment } from './route-table.ts'
import { addStatistics, type ModelStatistics } from './statistics.ts'

/** What is said of a server as a whole, whichever of its processes is asked. */
export interface WholeServer {
  /** In Prometheus' text format. */
  metrics(): Promise<string>
  /** Of some deployments, or of one of their revisions alone, as `model_stats` [Triton's statistics extension]. */
  statistics(deployments: readonly LiveDeployment[], version?: string): Promise<object>
  /** The routes that all processes have, and what some cannot load. */
  status(): Promise<ServerStatus>
  /** Every queue once: each process takes its part of the messages. */
  queues(): Promise<readonly QueueStatus[]>
  /** The last slow and failed requests. */
  recent(): Promise<Recent>
  /** Closes the open segments of the prediction log. */
  rotate(): Promise<void>
}

export const wholeServer = (family: Pick<Family, 'all'>, pid: number): WholeServer => ({
  metrics: async () => metricsText(await family.all('metrics')),
  async statistics(deployments, version) {
    const names = new Set(deployments.map(({ name }) => name))
    const model_stats = added(await family.all('statistics')).filter(
      stats => names.has(stats.name) && (version === undefined || stats.version === version),
    )
    return { model_stats }
  },
  status: async () => ({ pid, ...commonStatus(await family.all('status')) }),
  queues: async () => addedQueues((await family.all('queues')).flat()),
  recent: async () => addedRecent(await family.all('recent')),
  async rotate() {
    await family.all('rotate')
  },
})

function addedQueues(said: readonly QueueStatus[]): readonly QueueStatus[] {
  const all = new Map<string, QueueStatus>()
  for (const status of said) {
    const key = `${status.deployment} ${status.name}`
    const { answered = 0, dead = 0, ...known } = all.get(key) ?? {}
    // One process that is away is what somebody has to know.
    const shown = 'state' in known && known.state !== 'running' ? known : {}
    all.set(key, { ...known, ...status, ...shown, answered: answered + status.answered, dead: dead + status.dead })
  }
  return [...all.values()]
}

/** One entry for each revision, in the order of the first process. */
function added(said: readonly (readonly ModelStatistics[])[]): readonly ModelStatistics[] {
  const all = new Map<string, ModelStatistics>()
  for (const stats of said.flat()) {
    const key = `${stats.name} ${stats.version}`
    const known = all.get(key)
    all.set(key, known ? addStatistics(known, stats) : stats)
  }
  return [...all.values()]
}

function commonStatus(said: readonly ReturnType<Answers['status']>[]): ReturnType<Answers['status']> {
  const bundles: Record<string, string> = {}
  for (const status of said)
    for (const [bundle, state] of Object.entries(status.bundles))
      if (bundles[bundle] === undefined || bundles[bundle] === 'ready') bundles[bundle] = state
  return { version: Math.min(...said.map(({ version }) => version)), bundles }
}
