import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import type { AnyTx } from '#storage'
import type { Approval } from './approval.ts'
import type { Card, Opinion } from './card.ts'
import type { Scan } from './scan.ts'

/** A signature of a version's files, with the half of the key that verifies it. */
export interface StoredSignature {
  readonly digest: Digest
  readonly bundle: string
  readonly publicKey: string
  readonly at: Millis
}

/** A version by its place in its model: opinions are handed on along the numbers. */
export interface Place {
  readonly project: string
  readonly model: string
  readonly number: number
}

/** Where scans, signatures, approvals and opinions are kept. Adapters must pass store.contract.ts. */
export interface AssuranceStore {
  /** Replaces what was found before. */
  putScan(tx: AnyTx, version: string, scan: Scan): Promise<void>
  findScan(version: string): Promise<Scan | undefined>
  putSignature(tx: AnyTx, version: string, signature: StoredSignature): Promise<void>
  findSignature(version: string): Promise<StoredSignature | undefined>
  addApproval(tx: AnyTx, version: string, approval: Approval): Promise<void>
  /** Oldest first, as the transaction sees them, or as they were committed. */
  approvals(version: string, tx?: AnyTx): Promise<readonly Approval[]>
  putOpinion(
    tx: AnyTx,
    place: Place,
    opinion: { name: Opinion; text: string; actor: string; at: Millis },
  ): Promise<void>
  /** What was written last of each name, of this version or of an earlier one. */
  opinions(place: Place): Promise<Card['opinions']>
}
