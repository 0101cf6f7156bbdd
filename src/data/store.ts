import type { Digest } from '#kernel/digest.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { Contract, Violation } from './contract.ts'
import type { Arrival, DatasetVersion, DatasetVersionId, Verdict } from './dataset-version.ts'

/** What is known of a source beside its versions. */
export interface SourceRecord {
  readonly versions: number
  readonly contract?: Contract
  readonly arrival?: Arrival
  /** The state in which its file was seen last. */
  readonly watched?: string
}

export interface Judgement {
  readonly verdict: Verdict
  readonly violations: readonly Violation[]
  /** Idempotency key of the task that judged. */
  readonly key: string
}

/** Where dataset versions and contracts are kept. Adapters must pass store.contract.ts. */
export interface DataStore {
  transaction<T>(work: (tx: AnyTx) => Promise<T>): Promise<T>
  /** Appends the next version of the source, or answers the latest one when it has the same digest. Racing writers queue. */
  append(tx: AnyTx, draft: Omit<DatasetVersion, 'version'>): Promise<{ version: DatasetVersion; added: boolean }>
  find(id: DatasetVersionId): Promise<DatasetVersion | undefined>
  latest(project: string, source: string): Promise<DatasetVersion | undefined>
  /** The newest version below this number that kept the contract. */
  latestKept(project: string, source: string, below: number): Promise<DatasetVersion | undefined>
  /** Newest first. */
  versions(project: string, source: string, page: PageRequest): Promise<Page<DatasetVersion>>
  /** Of all sources of a project, also of those that it declares no more, in the order of their ids. */
  ofProject(project: string, page: PageRequest): Promise<Page<DatasetVersion>>
  /** Records a verdict; false when this key has recorded it already. */
  judge(tx: AnyTx, id: DatasetVersionId, judgement: Judgement): Promise<boolean>
  source(project: string, source: string): Promise<SourceRecord>
  setContract(tx: AnyTx, of: { project: string; source: string }, contract: Contract): Promise<void>
  /** Records bytes that arrived; false when they are the ones that arrived last. */
  setArrival(tx: AnyTx, of: { project: string; source: string }, arrival: Arrival): Promise<boolean>
  setWatched(tx: AnyTx, of: { project: string; source: string }, state: string): Promise<void>
  /** Whether the newest version was read from these bytes. */
  isLatestRaw(project: string, source: string, digest: Digest): Promise<boolean>
}
