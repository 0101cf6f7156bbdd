import type { z } from 'zod'
import { quantile } from '#statistics'
import { percent, short } from './contract.ts'
import type { ColumnDrift } from './drift.ts'
import type { Cell } from './frame.ts'
import type { Segment } from './segment.ts'
import type { CauseWire } from './wire.ts'

/** Why performance may have been lost, with two numbers in its sentence. */
export type Cause = z.output<typeof CauseWire>

const causesMax = 6

/** One feature that may have moved. */
export interface MovedFeature {
  readonly name: string
  /** 0 to 1: its part of the model's skill. */
  readonly importance: number
  readonly drift: ColumnDrift
  readonly reference: readonly Cell[]
  readonly current: readonly Cell[]
  /** ` in New York`, where only part of the window was compared. */
  readonly where: string
}

/**
 * Candidates, likeliest first: features by importance × (1 − e^−excess), where excess is how far they moved beyond what
 * is usual for them; entities by the part of the loss that falls on them. Both are between 0 and 1.
 */
export function rankCauses({
  features,
  segments,
  entity,
  unseen,
  rows,
}: {
  features: readonly MovedFeature[]
  segments: readonly Segment[]
  entity: string
  unseen: ReadonlyMap<string, number>
  rows: number
}): readonly Cause[] {
  const causes = [
    ...features.map(featureCause),
    ...unseenCauses({ entity, unseen, segments, rows }),
    ...segments.flatMap(segment => segmentCause(segment, entity, unseen)),
  ]
  return causes
    .filter(cause => cause.score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, causesMax)
}

function featureCause({ name, importance, drift, reference, current, where }: MovedFeature): Cause {
  const isBeyond = drift.score >= drift.threshold
  const numbers = `PSI ${drift.score.toFixed(2)}, ${isBeyond ? 'above' : 'a hint only: below'} its threshold of ${drift.threshold.toFixed(2)}`
  return {
    name,
    importance,
    score: importance * (1 - Math.exp(-drift.excess)),
    sentence: `${name}${where}: ${change(reference, current)}; ${numbers}`,
  }
}

/** `median 2.2 instead of 7.8`, or for texts `snow 31 % instead of 2 %`. */
export function change(reference: readonly Cell[], current: readonly Cell[]): string {
  const [before, now] = [numbersOf(reference), numbersOf(current)]
  if (before.length > 0 && now.length > 0) {
    const [a, b] = [quantile(before, 0.5), quantile(now, 0.5)]
    if (short(a) !== short(b)) return `median ${short(b)} instead of ${short(a)}`
    return `middle half ${middleHalf(now)} instead of ${middleHalf(before)}`
  }
  const value = mostGrown(reference, current)
  return `${value} ${percent(shareOf(current, value))} instead of ${percent(shareOf(reference, value))}`
}

const middleHalf = (values: readonly number[]): string =>
  `${short(quantile(values, 0.25))} to ${short(quantile(values, 0.75))}`

const numbersOf = (cells: readonly Cell[]): readonly number[] =>
  cells
    .map(cell => (typeof cell === 'boolean' ? Number(cell) : cell))
    .filter(cell => typeof cell === 'number' && Number.isFinite(cell)) as number[]

const shareOf = (cells: readonly Cell[], value: string): number =>
  cells.filter(cell => String(cell) === value).length / Math.max(1, cells.length)

function mostGrown(reference: readonly Cell[], current: readonly Cell[]): string {
  const values = [...new Set(current.map(String))]
  const growth = (value: string): number => shareOf(current, value) - shareOf(reference, value)
  return values.reduce((best, value) => (growth(value) > growth(best) ? value : best), values[0] ?? '')
}

function unseenCauses({
  entity,
  unseen,
  segments,
  rows,
}: {
  entity: string
  unseen: ReadonlyMap<string, number>
  segments: readonly Segment[]
  rows: number
}): readonly Cause[] {
  return [...unseen]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([key, count]) => {
      const segment = segments.find(candidate => candidate.key === key)
      const part = segment?.excessShare
      const loss = segment ? `; ${segment.sentence}` : ''
      const sentence = `new ${entity} ${key}: ${percent(count / rows)} of requests, 0 % of the reference${loss}`
      return { name: `${entity} = ${key}`, importance: part ?? count / rows, score: part ?? count / rows, sentence }
    })
}

/** A known entity that carries clearly more of the loss than of the rows. */
function segmentCause(
  { key, share, excessShare, sentence }: Segment,
  entity: string,
  unseen: ReadonlyMap<string, number>,
): readonly Cause[] {
  if (unseen.has(key) || excessShare === undefined || excessShare - share < 0.25) return []
  return [
    {
      name: `${entity} = ${key}`,
      importance: excessShare,
      score: excessShare - share,
      sentence: `${sentence}; ${percent(excessShare)} of the excess loss on ${percent(share)} of the rows`,
    },
  ]
}
