import type { Filter } from '#search'
import type { AnyTx } from '#storage'
import type { KeyValue, LoggedModel, LoggedModelPoint, LoggedModelStatus } from './logged-model.ts'

/** Which dataset a point was measured on; without a digest, any of the name. */
export interface DatasetChoice {
  readonly name: string
  readonly digest?: string | undefined
}

/** One term of an order: an attribute, or the latest point of a metric, among those on a dataset if one is given. */
export type LoggedModelOrder = { readonly descending: boolean } & (
  | { readonly attribute: string }
  | { readonly metric: string; readonly dataset?: DatasetChoice }
)

export interface LoggedModelSearch {
  readonly experimentIds: readonly string[]
  readonly filter?: Filter | undefined
  /** Points on others do not count. Without metrics in the filter: models that have a point on one of these. */
  readonly datasets: readonly DatasetChoice[]
  readonly order: readonly LoggedModelOrder[]
  readonly limit: number
  /** `next` of the page before, of the same search. */
  readonly after?: string | undefined
}

/** Logged models. Deleted ones stay, and are found by id alone. */
export interface LoggedModelStore {
  insert(tx: AnyTx, model: LoggedModel): Promise<void>
  find(id: string): Promise<LoggedModel | undefined>
  /** Those of these that exist and are not deleted, without what belongs to them. */
  heads(
    tx: AnyTx,
    ids: readonly string[],
  ): Promise<readonly { readonly id: string; readonly project: string; readonly experimentId: string }[]>
  setStatus(id: string, status: LoggedModelStatus, at: number): Promise<void>
  setLifecycle(id: string, lifecycle: 'active' | 'deleted', at: number): Promise<void>
  /** Adds parameters. Throws `invalid` when one is there with another value, and then adds none. */
  putParams(id: string, params: readonly KeyValue[]): Promise<void>
  putTags(id: string, tags: readonly KeyValue[]): Promise<void>
  /** False when there was none. */
  removeTag(id: string, key: string): Promise<boolean>
  /** Adds points in the caller's transaction. A repeat is harmless. */
  putPoints(tx: AnyTx, points: readonly (LoggedModelPoint & { readonly model: string })[]): Promise<void>
  search(search: LoggedModelSearch): Promise<{ readonly items: readonly LoggedModel[]; readonly next?: string }>
  /** The projects of those of these experiments that have models. */
  owners(experimentIds: readonly string[]): Promise<readonly { project: string; experimentId: string }[]>
}
