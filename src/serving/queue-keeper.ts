import { z } from 'zod'
import { messageOf } from '#kernel/error.ts'
import type { Projects } from '#project'
import type { Secrets } from '#secrets'
import { type QueuesFile, queuesFile, queuesPath, schemeOf, type QueueRoute } from './queues-file.ts'
import type { ServingStore } from './store.ts'
import type { Supervisor } from './supervisor.ts'
import { toldFile } from './told-file.ts'
import { QueueWire, type QueueStatus } from './wire.ts'

/** Keeps the file that says which queues the model server answers. */
export interface QueueKeeper {
  /** What is declared is written down, with the addresses as they are now. */
  refresh(): Promise<void>
  /** What the model server says of a deployment's queues; that they are stopped, when it cannot be asked. */
  status(deployment: string): Promise<readonly QueueStatus[]>
}

export interface QueueParts {
  /** The model server's folder. */
  readonly folder: string
  readonly store: Pick<ServingStore, 'deployments'>
  readonly projects: Pick<Projects, 'find'>
  readonly secrets: Pick<Secrets, 'use'>
  readonly warn: (facts: object, message: string) => void
}

export function createQueueKeeper(parts: QueueParts, supervisor: Pick<Supervisor, 'tell' | 'ask'>): QueueKeeper {
  const write = toldFile(queuesFile(parts.folder), supervisor)
  let declared: readonly QueueRoute[] = []
  return {
    async refresh() {
      const names = new Set((await parts.store.deployments()).map(({ project }) => project))
      const queues = (await Promise.all([...names].map(project => queuesOf(parts, project)))).flat()
      declared = queues
      await write({ queues } satisfies z.input<typeof QueuesFile>)
    },
    async status(deployment) {
      const own = declared.filter(queue => queue.deployment === deployment)
      if (own.length === 0) return []
      const found = await asked(supervisor).catch((error: unknown) =>
        own.map(({ broker, inFlight: _, format: __, ...queue }): QueueStatus => {
          const stopped = { state: 'stopped', answered: 0, dead: 0, error: messageOf(error) } as const
          return { ...queue, broker: schemeOf(broker), ...stopped }
        }),
      )
      return found.filter(queue => queue.deployment === deployment)
    },
  }
}

async function asked(supervisor: Pick<Supervisor, 'ask'>): Promise<readonly QueueStatus[]> {
  const { text } = await supervisor.ask({ method: 'GET', path: queuesPath, timeoutMs: 10_000 })
  return z.object({ queues: z.array(QueueWire) }).parse(JSON.parse(text)).queues
}

/** The queues that a project declares. One whose secret is not set is left out, and said. */
async function queuesOf({ projects, secrets, warn }: QueueParts, project: string): Promise<readonly QueueRoute[]> {
  const declared = Object.entries((await projects.find(project))?.spec.deployments ?? {}).flatMap(
    ([deployment, { queues = {} }]) => Object.entries(queues).map(([name, queue]) => ({ deployment, name, ...queue })),
  )
  const routes = await Promise.all(
    declared.map(async ({ broker: { secret }, deadLetter, ...queue }) => {
      const by = `queue ${queue.name} of ${queue.deployment}`
      const values = await secrets.use({ project, names: [secret], by }).catch((error: unknown) => {
        warn({ err: error, deployment: queue.deployment, queue: queue.name }, 'a queue has no address of a broker')
        return undefined
      })
      return values && { ...queue, deadLetter: deadLetter ?? `${queue.output}.dead`, broker: values[secret]!.trim() }
    }),
  )
  return routes.filter(route => route !== undefined)
}
