import type { Clock } from '#kernel/clock.ts'
import type { Outbox } from '#storage'
import { sourcePushed } from './events.ts'
import type { GitRepository } from './git-repository.ts'
import type { RepositoryRecord, RepositoryStore } from './store.ts'

/** Finds heads that were not announced yet. */
export interface Scanner {
  scan(record: RepositoryRecord, actor?: string): Promise<void>
  /** Every repository, one after the other; one that cannot be read is passed over with a warning. */
  scanAll(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

interface Deps {
  readonly store: RepositoryStore
  readonly outbox: Outbox
  readonly clock: Clock
  readonly onDisk: (record: RepositoryRecord) => GitRepository
  readonly warn: (facts: object, message: string) => void
}

const scanEveryMs = 30_000
const abandonedMs = 24 * 3_600_000
const pageSize = 200

export function createScanner({ store, outbox, clock, onDisk, warn }: Deps): Scanner {
  let timer: NodeJS.Timeout | undefined
  let scanning: Promise<void> = Promise.resolve()

  async function scan(record: RepositoryRecord, actor?: string): Promise<void> {
    const repository = onDisk(record)
    if (!(await repository.isThere())) return
    const { id, project } = record
    const announced = new Map((await store.heads(id)).map(head => [head.branch, head.commit]))
    for (const head of await repository.heads()) {
      const before = announced.get(head.branch)
      if (before === head.commit) continue
      const data = { project, branch: head.branch, ...(before === undefined ? {} : { before }), after: head.commit }
      const event = { project, ...(actor === undefined ? {} : { actor }), data }
      await store.moveHead({ id, head, before, at: clock.now() }, tx => outbox.emit(tx, sourcePushed, event))
    }
  }

  async function everyOne(): Promise<void> {
    for (let after: string | undefined; ;) {
      const page = await store.list(pageSize, after)
      for (const record of page) {
        const { project } = record
        await scan(record).catch(error => warn({ project, err: error }, 'repository could not be scanned'))
        await onDisk(record).sweep(clock.now() - abandonedMs)
      }
      after = page.at(-1)?.id
      if (page.length < pageSize) return
    }
  }

  function scanAll(): Promise<void> {
    scanning = scanning.catch(() => {}).then(everyOne)
    return scanning
  }

  return {
    scan,
    scanAll,
    async start() {
      await scanAll()
      const again = (): void => void scanAll().catch(error => warn({ err: error }, 'repositories could not be scanned'))
      timer = setInterval(again, scanEveryMs).unref()
    },
    async stop() {
      clearInterval(timer)
      await scanning.catch(() => {})
    },
  }
}
