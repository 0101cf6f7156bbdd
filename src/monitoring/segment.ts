import { mean } from '#statistics'
import { percent, short } from './contract.ts'
import { positionsWhere, take, type Frame } from './frame.ts'
import { excesses, metricOf, outcomesOf, type Metric } from './performance.ts'
import type { Signal } from './signal.ts'

/** More keys than this are users or devices, not segments. */
const segmentsMax = 100
const segmentRowsMin = 10
/** The share of rows with keys never seen from which on it matters, whatever is usual. */
const unseenMin = 0.05

/** Positions of the rows whose entity key the reference has nothing of. */
export function unseenRows(reference: Frame, window: Frame): readonly number[] {
  const known = new Set(reference.key)
  return positionsWhere(window, position => window.key[position] !== null && !known.has(window.key[position]!))
}

/**
 * Whether keys appear that the reference does not have: a new city, a new product. How many are usual is estimated from
 * the keys seen once, their share being that of keys not seen yet [Good 1953]. Undefined without keys.
 */
export function unseenSignal(name: string, reference: Frame, window: Frame): Omit<Signal, 'state'> | undefined {
  const rows = window.key.filter(key => key !== null).length
  const known = reference.key.filter(key => key !== null)
  if (rows === 0 || known.length === 0) return undefined
  const once = [...countKeys(known).values()].filter(count => count === 1).length / known.length
  const threshold = Math.max(unseenMin, once + 3 * Math.sqrt((once * (1 - once)) / rows))
  const score = unseenRows(reference, window).length / rows
  return {
    kind: 'feature_drift',
    name,
    score,
    threshold,
    because: `Share of rows whose ${name} the reference has nothing of; ${percent(once)} are expected to be new.`,
    ...(countKeys(known).size <= segmentsMax && { bins: keyBins(reference, window) }),
  }
}

function keyBins(reference: Frame, window: Frame): NonNullable<Signal['bins']> {
  const [expected, actual] = [countKeys(reference.key), countKeys(window.key)]
  const labels = [...new Set([...expected.keys(), ...actual.keys()])].slice(0, 20)
  const share = (counts: Map<string, number>, total: number): number[] =>
    labels.map(label => (counts.get(label) ?? 0) / total)
  return { labels, reference: share(expected, reference.key.length), current: share(actual, window.key.length) }
}

function countKeys(keys: readonly (string | null)[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** How one entity fared within a window. */
export interface Segment {
  readonly key: string
  readonly rows: number
  /** Share of the window's labelled rows. */
  readonly share: number
  /** Its part of the loss beyond what the scores promise, 0 to 1; undefined where there is no such loss in all. */
  readonly excessShare: number | undefined
  /** `New York: brier 0.331 in 30 rows, 0.201 elsewhere` */
  readonly sentence: string
}

/** The entities of a window by their part of the loss, largest first. Empty for one entity, too many, or no truth. */
export function segmentsOf(metric: Metric, window: Frame): readonly Segment[] {
  const keys = [...countKeys(window.key)].filter(([, rows]) => rows >= segmentRowsMin).map(([key]) => key)
  if (keys.length < 2 || countKeys(window.key).size > segmentsMax) return []
  const labelled = outcomesOf(window).label.length
  const total = excessOf(metric, window)
  const segments = keys.flatMap(key => {
    const own = take(
      window,
      positionsWhere(window, position => window.key[position] === key),
    )
    const rest = take(
      window,
      positionsWhere(window, position => window.key[position] !== key),
    )
    const [value, other] = [metricOf(metric, outcomesOf(own)), metricOf(metric, outcomesOf(rest))]
    if (value === undefined || other === undefined) return []
    const rows = outcomesOf(own).label.length
    const excessShare = total > 0 ? Math.min(1, Math.max(0, excessOf(metric, own) / total)) : undefined
    return [
      {
        key,
        rows,
        share: rows / labelled,
        excessShare,
        sentence: `${key}: ${metric} ${short(value)} in ${rows} rows, ${short(other)} elsewhere`,
      },
    ]
  })
  return segments.sort((a, b) => (b.excessShare ?? 0) - (a.excessShare ?? 0))
}

/** The loss beyond what the scores promise, summed over rows; for regression the loss itself. */
function excessOf(metric: Metric, frame: Frame): number {
  const outcomes = outcomesOf(frame)
  if (outcomes.label.length === 0) return 0
  const isRegression = metric === 'mae' || metric === 'rmse'
  const rows = isRegression
    ? outcomes.label.map((label, i) => Math.abs(outcomes.score[i]! - label))
    : excesses(outcomes)
  return mean(rows) * rows.length
}
