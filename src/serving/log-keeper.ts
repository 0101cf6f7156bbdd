import { collectSegments, type CollectorParts } from './collector.ts'
import { compactLog, pruneLog } from './compaction.ts'
import { declaredOf } from './declared.ts'
import type { Supervisor } from './supervisor.ts'

/** Brings predictions into the log, second by second, and keeps the log in order. */
export interface LogKeeper {
  start(): void
  /** Brings all that has been answered so far into the log. */
  collect(): Promise<void>
  stop(): Promise<void>
}

const collectMs = 1_000
const pruneMs = 3_600_000

export function createLogKeeper(
  parts: CollectorParts & {
    readonly retentionMs: number
    /** Hears which deployments have new predictions, whenever it was looked. */
    collected(deployments: ReadonlySet<string>): Promise<void>
  },
  supervisor: Pick<Supervisor, 'rotateLog'>,
): LogKeeper {
  const { warn } = parts
  let timers: NodeJS.Timeout[] = []
  let queue: Promise<unknown> = Promise.resolve()
  let isBusy = false

  /** One at a time: two collectors would meet at the same segments. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  async function collect(): Promise<void> {
    const touched = await collectSegments(parts)
    for (const deployment of touched) await compactLog(parts, deployment)
    await parts.collected(touched)
  }

  function tick(work: () => Promise<void>, message: string): void {
    if (isBusy) return
    isBusy = true
    void inTurn(work)
      .catch((error: unknown) => warn({ err: error }, message))
      .finally(() => void (isBusy = false))
  }

  return {
    start() {
      timers = [
        setInterval(() => tick(collect, 'predictions could not be collected'), collectMs).unref(),
        setInterval(() => tick(() => prune(parts), 'old predictions could not be deleted'), pruneMs).unref(),
      ]
    },
    collect: () =>
      inTurn(async () => {
        await supervisor.rotateLog()
        await collect()
      }),
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await queue
    },
  }
}

/** Deletes what is older than the platform keeps predictions, or their project. */
export async function prune(parts: CollectorParts & { retentionMs: number }): Promise<void> {
  const { store, clock, projects, retentionMs } = parts
  await pruneLog(parts, { before: clock.now() - retentionMs })
  for (const [deployment, declared] of await declaredOf(projects, await store.deployments()))
    if (declared.retentionMs !== undefined)
      await pruneLog(parts, { before: clock.now() - declared.retentionMs, deployment })
}
