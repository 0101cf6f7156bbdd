import type { AnyTx } from '#storage'
import type { Demand, Room } from './room.ts'
import type { Claim, ClaimRequest } from './claim.ts'
import type { Queued } from './wait.ts'

/** What tasks take while they run, and what there is of it. */
export interface RoomStore {
  /** Makes these the slots of an owner: a project, a machine (`@` and its name) or, without a name, the server. */
  setSlots(tx: AnyTx, owner: string, slots: Demand): Promise<void>
  /** What there is, and what attempts take that hold a lease. */
  room(): Promise<Room>
  /** Those of these tasks that are in the queue, by id. */
  queued(tasks: readonly string[]): Promise<ReadonlyMap<string, Queued>>
  /** Whether {@link claimOverdue} would find anything; costs less. */
  hasOverdue(now: number): Promise<boolean>
  /** Takes tasks out of the queue that have waited there for longer than they may. */
  claimOverdue(tx: AnyTx, request: Omit<ClaimRequest, 'pool'>): Promise<readonly Claim[]>
}
