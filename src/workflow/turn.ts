import { batched } from '#kernel/batch.ts'
import type { Signal } from '#storage'
import type { RunId } from './run.ts'
import type { Seats } from './seats.ts'
import type { SettleRequest, Settler } from './settle.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'

/**
 * The transactions of the engine: each writes the results that have come in meanwhile, and gives the seats that they leave to
 * tasks that are due. From the end of a task to the start of the next one is one wait for the disk. As many go side by side
 * as the database has use for: while it does one, this process makes the next. Each is about other runs, for a transaction
 * that ends tasks of a run holds its row until it is over.
 */
export interface Turns {
  /** Writes what became of an attempt. False when it was no longer the owner's, and nothing was written. */
  settle(request: SettleRequest): Promise<boolean>
  /** Gives free seats to tasks that are due. */
  take(): Promise<void>
}

interface Deps {
  readonly store: Pick<WorkflowStore, 'transaction' | 'transactionsAtOnce'>
  readonly settler: Pick<Settler, 'settle'>
  readonly seats: Pick<Seats, 'hold' | 'giveBack' | 'claim' | 'fill'>
  readonly changed: Signal
}

/** So many results share one transaction. */
const batchMax = 512

export function createTurns({ store, settler, seats, changed }: Deps): Turns {
  async function turn(requests: readonly SettleRequest[], isTaking: boolean): Promise<readonly boolean[]> {
    const ended = new Set(requests.map(({ attempt }) => attempt))
    const hold = isTaking ? seats.hold(ended) : undefined
    let claims: readonly Claim[] = []
    try {
      const settled = await store.transaction(tx =>
        settler.settle(tx, requests, async () => {
          claims = hold ? await seats.claim(tx, hold) : []
        }),
      )
      seats.fill(claims, ended)
      if (requests.length + claims.length > 0) changed.notify()
      return settled
    } finally {
      if (hold) seats.giveBack(hold)
    }
  }

  async function write(items: readonly (SettleRequest | undefined)[]): Promise<readonly boolean[]> {
    const requests = items.filter(item => item !== undefined)
    const settled = await turn(requests, true).catch(error => {
      // A task that cannot be taken must not keep the results of others from being written.
      if (requests.length === 0) throw error
      return turn(requests, false)
    })
    const results = settled.values()
    return items.map(item => item === undefined || results.next().value!)
  }

  /** Undefined asks for free seats to be filled and nothing else. */
  const lane = () => batched<SettleRequest | undefined, boolean>(write, batchMax)
  const first = lane()
  const lanes = [first, ...Array.from({ length: store.transactionsAtOnce - 1 }, lane)]
  // Identifiers end by chance.
  const laneOf = (run: RunId) => lanes[Number.parseInt(run.slice(-1), 16) % lanes.length] ?? first

  return { settle: request => laneOf(request.run)(request), take: async () => void (await first(undefined)) }
}
