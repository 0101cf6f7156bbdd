import type { Millis } from '#kernel/clock.ts'
import type { Int64 } from '#kernel/int64.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Filter, Order } from '#search'
import type { AnyTx } from '#storage'
import type { Block } from './block.ts'
import type { Experiment, Lifecycle } from './experiment.ts'
import type { KeyText } from './key-text.ts'
import type { MetricPoint, StoredPoint } from './metric.ts'
import type { DatasetInput, DatasetSummary, ModelLink } from './run-input.ts'
import type { RunStatus, TrackingRun } from './tracking-run.ts'

export interface ExperimentStore {
  /** Undefined when the project has the name already. The artifact location may follow from the id. */
  insert(
    tx: AnyTx,
    experiment: Omit<Experiment, 'id' | 'artifactLocation'> & { artifactLocation: string | undefined },
  ): Promise<Experiment | undefined>
  find(by: { id: string } | { project: string; name: string }, tx?: AnyTx): Promise<Experiment | undefined>
  rename(tx: AnyTx, id: string, change: { name: string; at: Millis }): Promise<'renamed' | 'taken' | 'not_active'>
  /** Moves an experiment and its runs into the trash or out of it; false when it was not there to be moved. */
  setLifecycle(tx: AnyTx, id: string, change: { to: Lifecycle; at: Millis }): Promise<boolean>
  putTag(tx: AnyTx, id: string, tag: { key: string; value: string; at: Millis }): Promise<void>
  /** False when there is no such tag. */
  removeTag(tx: AnyTx, id: string, key: string): Promise<boolean>
}

export interface RunStore {
  insert(tx: AnyTx, run: TrackingRun): Promise<void>
  find(id: string, tx?: AnyTx): Promise<TrackingRun | undefined>
  /** Undefined when there is no run; what is not given stays. */
  update(
    tx: AnyTx,
    id: string,
    change: { status?: RunStatus | undefined; endedAt?: Millis | undefined },
  ): Promise<TrackingRun | undefined>
  setLifecycle(tx: AnyTx, id: string, change: { to: Lifecycle; at: Millis }): Promise<void>
  /** False when there is no such tag. */
  removeTag(tx: AnyTx, id: string, key: string): Promise<boolean>
}

/** Points, params and tags that one request adds to one run: all or nothing. */
export interface RunEntry {
  readonly run: string
  readonly points: readonly MetricPoint[]
  readonly params: readonly KeyText[]
  readonly tags: readonly KeyText[]
}

export interface LogStore {
  /** How many writes at once are of use: with one connection, one. */
  readonly lanes: number
  /** Makes ready what the entries need, in a transaction of its own: writers then do not wait for each other. */
  prepare(entries: readonly RunEntry[]): Promise<void>
  /**
   * Writes entries in one transaction; of each gives why it was refused, or undefined. The tag `mlflow.runName` renames
   * its run. Entries of one call may be of one run; several processes may write to one run at once. Throws when another
   * process was faster with another value of a param: entries are then to be written one by one.
   */
  append(tx: AnyTx, entries: readonly RunEntry[]): Promise<readonly (Error | undefined)[]>
  /** The same in a transaction of its own, where that is quicker; undefined where it is not, and nothing is written. */
  appendAlone(entries: readonly RunEntry[]): Promise<readonly (Error | undefined)[] | undefined>
}

/** A run with all that it has logged, as JSON texts in MLflow's words: made by the database, and sent as they are. */
export interface RunDocument {
  readonly run: TrackingRun
  /** Lists: of each metric the latest point, `{key,value,timestamp,step}`; then `{key,value}`. */
  readonly metrics: string
  readonly params: string
  readonly tags: string
  /** `{tags,dataset}` of each dataset; `{model_id}` and `{model_id,step}`. */
  readonly datasets: string
  readonly modelInputs: string
  readonly modelOutputs: string
}

export interface HistoryStore {
  /** By timestamp, step and value. */
  points(run: string, key: string, page: PageRequest): Promise<Page<StoredPoint>>
}

/** What charts are made of. Runs and keys that are not there have nothing. */
export interface SeriesStore {
  /** By time. */
  blocks(run: string, key: string): Promise<readonly Block[]>
  /** Points from one instant to before another, by time, step and value. */
  between(
    run: string,
    key: string,
    range: { readonly from: number; readonly to: number; readonly limit: number },
    tx?: AnyTx,
  ): Promise<readonly StoredPoint[]>
  /** Points by their place, from 0, among those of a stretch of time in the order of step, timestamp and value. */
  atPlaces(run: string, key: string, places: readonly Place[]): Promise<readonly StoredPoint[]>
  /** Keeps others from adding points to a run until the transaction ends, and marks it as one with blocks. */
  lock(tx: AnyTx, run: string): Promise<boolean>
  /** Whether no block has a part of the stretch of time. */
  isBare(
    tx: AnyTx,
    series: { run: string; key: string },
    stretch: { readonly from: number; readonly to: number },
  ): Promise<boolean>
  putBlocks(tx: AnyTx, series: { run: string; key: string }, blocks: readonly Block[]): Promise<void>
}

/** Of a stretch of time from one instant to before another. */
export interface Place {
  readonly from: number
  readonly to: number
  readonly place: number
}

/** Both included. */
export interface StepRange {
  readonly from: Int64
  readonly to: Int64
}

export interface InputStore {
  /** Adds datasets that a run read, in their order; those that it has already keep their tags. The run must be there. */
  addDatasets(tx: AnyTx, run: string, inputs: readonly DatasetInput[]): Promise<void>
  /** A repeat changes nothing. */
  addModels(tx: AnyTx, run: string, direction: 'input' | 'output', links: readonly ModelLink[]): Promise<void>
  /** Each dataset with each context that it was read in. */
  summaries(experiments: readonly string[], limit: number): Promise<readonly DatasetSummary[]>
}

/** Which of the active and the deleted are sought. */
export type View = Lifecycle | 'all'

export interface ExperimentSearch {
  search(
    query: {
      readonly filter: Filter | undefined
      readonly order: readonly Order[]
      readonly view: View
      /** Of these projects, or with these ids, only. */
      readonly projects?: readonly string[] | undefined
      readonly ids?: readonly string[] | undefined
    },
    page: PageRequest,
  ): Promise<Page<Experiment>>
}

export interface RunSearch {
  /** The runs of some experiments, ties with the latest start first. Metrics that are NaN, then runs without, come last. */
  search(query: RunQuery, page: PageRequest): Promise<Page<RunDocument>>
  /** The same runs as rows of a table. */
  table(query: RunQuery, columns: readonly RunColumn[], page: PageRequest): Promise<Page<RunRow>>
  /** How many runs the filter holds for, up to one more than `most`. */
  count(query: Omit<RunQuery, 'order'>, most: number): Promise<number>
}

/** One thing that runs have logged, as a column of a table. */
export interface RunColumn {
  readonly kind: 'metrics' | 'params' | 'tags'
  readonly key: string
}

/** A run with what was asked for of its latest metrics, params and tags. */
export interface RunRow {
  readonly run: TrackingRun
  /** The run that it is nested in. */
  readonly parent?: string
  /** May be NaN. */
  readonly metrics: Readonly<Record<string, number>>
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
}

/** What experiments come to. */
export interface ExperimentFacts {
  /** Of the runs that are in the trash or out of it as their experiment is. */
  counts(ids: readonly string[]): Promise<ReadonlyMap<string, ExperimentCounts>>
  /** The names that its runs have used, at most so many of each. */
  keys(id: string, most: number): Promise<Readonly<Record<RunColumn['kind'], readonly string[]>>>
}

export interface ExperimentCounts {
  readonly runs: number
  readonly running: number
  readonly lastRunAt?: Millis
}

export interface RunQuery {
  readonly experiments: readonly string[]
  readonly filter: Filter | undefined
  readonly order: readonly Order[]
  readonly view: View
}
