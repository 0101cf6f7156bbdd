import type { Filter, Order } from '#search'
import type { AnyTx } from '#storage'
import type { EvaluationDataset, EvaluationRecord } from './evaluation-dataset.ts'
import type { Labels } from './label.ts'

/** A dataset without what is kept beside it. */
export type DatasetRow = Omit<EvaluationDataset, 'tags' | 'experimentIds'>

export interface DatasetQuery {
  /** Of these experiments, or where undefined, of any. */
  readonly experiments?: readonly string[] | undefined
  readonly filter?: Filter | undefined
  readonly order: readonly Order[]
  readonly limit: number
  readonly after?: string | undefined
}

/** Where evaluation datasets are kept. Adapters must pass evaluation-store.contract.ts. */
export interface EvaluationStore {
  transaction<T>(work: (tx: AnyTx) => Promise<T>): Promise<T>
  add(tx: AnyTx, dataset: DatasetRow): Promise<void>
  put(tx: AnyTx, dataset: DatasetRow): Promise<void>
  /** Held until the transaction ends: changes of one dataset queue. */
  hold(tx: AnyTx, id: string): Promise<DatasetRow | undefined>
  find(id: string): Promise<EvaluationDataset | undefined>
  remove(id: string): Promise<void>
  search(query: DatasetQuery): Promise<{ items: readonly EvaluationDataset[]; next?: string }>
  tag(tx: AnyTx, id: string, tags: Labels): Promise<void>
  untag(id: string, key: string): Promise<void>
  addExperiments(tx: AnyTx, id: string, experiments: readonly string[]): Promise<void>
  /** How many were tied to it. */
  removeExperiments(tx: AnyTx, id: string, experiments: readonly string[]): Promise<number>
  /** The records with these digests of inputs. */
  recordsByInput(tx: AnyTx, id: string, digests: readonly string[]): Promise<ReadonlyMap<string, EvaluationRecord>>
  /** Adds records, or overwrites what has the same inputs. */
  putRecords(tx: AnyTx, records: readonly (EvaluationRecord & { inputDigest: string })[]): Promise<void>
  /** In the order in which they came first. */
  records(
    id: string,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ items: readonly EvaluationRecord[]; next?: string }>
  /** How many there were. */
  removeRecords(tx: AnyTx, id: string, records: readonly string[]): Promise<number>
}
