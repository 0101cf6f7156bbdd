import { batched } from '#kernel/batch.ts'
import { invalid } from '#kernel/error.ts'
import { retried, type AnyTx, type Db } from '#storage'
import { checkKey, type MetricPoint, type ModelOfPoint } from './metric.ts'
import { cut, paramCharactersMax, tagCharactersMax } from './run-text.ts'
import type { LogStore, RunEntry } from './store.ts'
import type { KeyText } from './key-text.ts'
import { nameTag } from './tracking-run.ts'

/** What one request logs of a run: all of it is stored, or nothing. */
export interface Entry {
  readonly points?: readonly MetricPoint[]
  readonly params?: readonly KeyText[]
  readonly tags?: readonly KeyText[]
}

/** The one way by which runs get metrics, params and tags. */
export interface RunLog {
  /**
   * Entries that come at the same time share a transaction, and with it one wait for the disk; one that is refused goes
   * alone. Throws `not_found`, and `invalid` on names, on a deleted run, and on a param that has another value.
   */
  add(entry: Entry & { readonly run: string }): Promise<void>
  /** The same in the caller's transaction. */
  addIn(tx: AnyTx, entry: Entry & { readonly run: string }): Promise<void>
  /** Spares `addIn`, and that of a new run's name, the lock that new keys take, and the look-up of known ones. */
  prepare(entry: Entry): Promise<void>
}

/** A point with the logged model that it was measured on. */
export type ModelPoint = MetricPoint & { readonly run: string; readonly model: ModelOfPoint }

export interface RunLogParts {
  readonly db: Db
  readonly store: LogStore
  /** Hears of points that have been stored. */
  added?(run: string, points: readonly MetricPoint[]): void
  /** Keeps points of logged models with them too. Throws `not_found` of a model. */
  recordModelPoints?(tx: AnyTx, points: readonly ModelPoint[]): Promise<void>
}

/** So much in one transaction: a few thousand points take some ten milliseconds, in which nothing else is answered. */
const weightMax = 4_000

export function createRunLog({ db, store, added, recordModelPoints }: RunLogParts): RunLog {
  async function write(tx: AnyTx, entries: readonly RunEntry[]): Promise<readonly (Error | undefined)[]> {
    const refusals = await store.append(tx, entries)
    const points = entries.flatMap((entry, index) => (refusals[index] ? [] : pointsOfModels(entry)))
    if (points.length > 0) await recordModelPoints?.(tx, points)
    return refusals
  }

  const add = batched<RunEntry, Error | undefined>(
    async entries => {
      const ofModels = entries.some(({ points }) => points.some(point => point.model))
      const refusals = ofModels ? undefined : await retried(() => store.appendAlone(entries))
      if (refusals) return refusals
      await store.prepare(entries)
      return retried(() => db.transaction().execute(tx => write(tx, entries)))
    },
    weightMax,
    weightOf,
    store.lanes,
  )

  return {
    async add(entry) {
      const given = checked(entry)
      const refusal = await add(given)
      if (refusal) throw refusal
      added?.(given.run, given.points)
    },

    async addIn(tx, entry) {
      const [refusal] = await write(tx, [checked(entry)])
      if (refusal) throw refusal
    },

    prepare: ({ tags = [], ...entry }) =>
      store.prepare([checked({ run: '', ...entry, tags: [...tags, { key: nameTag, value: '' }] })]),
  }
}

const weightOf = ({ points, params, tags }: RunEntry): number => 1 + points.length + params.length + tags.length

const pointsOfModels = ({ run, points }: RunEntry): readonly ModelPoint[] =>
  points.flatMap(point => (point.model ? [{ ...point, run, model: point.model }] : []))

/** Throws `invalid` on names; values are cut to what is kept. */
function checked({ run, points = [], params = [], tags = [] }: Entry & { run: string }): RunEntry {
  const known = new Set<string>()
  // Batches log the same few keys over and over.
  for (const { key } of points)
    if (!known.has(key)) {
      checkKey(key, 'metrics.key')
      known.add(key)
    }
  const seen = new Set<string>()
  for (const { key } of params) {
    checkKey(key, 'params.key')
    if (seen.has(key))
      throw invalid(
        `Duplicate parameter keys have been submitted: ${key}. Please ensure the request contains only one.`,
      )
    seen.add(key)
  }
  for (const { key } of tags) checkKey(key, 'tags.key')
  return { run, points, params: params.map(capped(paramCharactersMax)), tags: tags.map(capped(tagCharactersMax)) }
}

const capped =
  (most: number) =>
  ({ key, value }: KeyText): KeyText => ({ key, value: cut(value, most) })
