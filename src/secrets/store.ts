import type { Millis } from '#kernel/clock.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { Secret } from './secret.ts'

/** A secret as it is kept. */
export type SealedSecret = Secret & { readonly sealed: string }

/** A key that values of one project are sealed with, itself sealed with the master key. */
export interface DataKey {
  readonly id: string
  readonly project: string
  readonly wrapped: string
  readonly createdAt: Millis
  readonly retiredAt?: Millis | undefined
}

/** Where secrets and data keys are kept; `project` is empty for the platform. Adapters must pass store.contract.ts. */
export interface SecretStore {
  transaction<Result>(work: (tx: AnyTx) => Promise<Result>): Promise<Result>
  find(project: string, name: string): Promise<SealedSecret | undefined>
  /** By name. */
  list(project: string, page: PageRequest): Promise<Page<Secret>>
  /** Those of the names that are there. */
  known(project: string, names: readonly string[]): Promise<readonly string[]>
  /** Keeps the next version; false when the one before it is not the last any more. */
  put(tx: AnyTx, secret: SealedSecret): Promise<boolean>
  /** False when there is none. */
  remove(tx: AnyTx, project: string, name: string): Promise<boolean>
  markUsed(tx: AnyTx, place: { project: string; name: string }, use: { at: Millis; by: string }): Promise<void>
  /** Every secret that is sealed with another key than its project's current one, a hundred at most. */
  sealedBefore(): Promise<readonly SealedSecret[]>
  /** Replaces what a value is sealed with; nothing happens when it was set anew meanwhile. */
  reseal(secret: SealedSecret, sealed: string): Promise<void>

  key(id: string): Promise<DataKey | undefined>
  /** The one that seals now. */
  currentKey(project: string): Promise<DataKey | undefined>
  /** Makes it the current one, and retires the one before; false when another process was quicker. */
  addKey(key: DataKey, former: string | undefined): Promise<boolean>
  keys(): Promise<readonly DataKey[]>
  rewrap(id: string, wrapped: string): Promise<void>
  /** Forgets keys that were retired before, which nothing is sealed with any more. */
  removeRetired(before: Millis): Promise<void>
}
