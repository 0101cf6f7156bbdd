import { setImmediate } from 'node:timers/promises'
import type { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import { confusionByGroup, fairnessDifference } from '#statistics'
import type { GateSpec, Metric } from '#project'
import { compareLosses } from './comparison.ts'
import { allMetrics, firstBadScore, rowLosses, type LossName, type Task } from './loss.ts'
import type { FairnessWire, SliceWire } from './wire.ts'

/** How good a model is where a column has one value. */
export type Slice = z.output<typeof SliceWire>
/** How far apart the groups of a column are. */
export type FairnessResult = z.output<typeof FairnessWire>

/** The test rows as they were answered: labels, scores of the challenger and, when it was run, of the champion. */
export interface Answered {
  readonly task: Task
  readonly loss: LossName
  readonly labels: Float64Array
  readonly scores: readonly Float64Array[]
  /** Of each column that the gate looks at, the value in each row. */
  readonly groups: Readonly<Record<string, readonly string[]>>
}

/** The columns that a gate looks at, besides the inputs of the model. */
export const groupColumns = ({ slices = [], fairness = [] }: GateSpec): readonly string[] => [
  ...new Set([...slices, ...fairness].map(({ column }) => column)),
]

const valuesMax = 200

/**
 * Each value of each slicing column that has enough rows, by column and then by value. A comparison takes milliseconds
 * of one thread, so others may work between two of them. Throws `invalid` for a column with more than 200 such values.
 */
export async function measureSlices({ slices = [], metric }: GateSpec, answered: Answered): Promise<readonly Slice[]> {
  const measured: Slice[] = []
  for (const { column, threshold, rowsMin } of slices) {
    const values = [...rowsByValue(answered.groups[column]!)]
      .filter(([, rows]) => rows.length >= rowsMin)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    if (values.length > valuesMax)
      throw invalid('The gate slices by a column with too many values.', [
        { field: column, value: `${values.length} values with ${rowsMin} rows`, allowed: `${valuesMax} at most` },
      ])
    for (const [value, rows] of values) {
      await setImmediate()
      const demand = threshold !== undefined && { threshold }
      measured.push({ column, value, rows: rows.length, ...demand, ...measureSlice(metric, answered, rows) })
    }
  }
  return measured
}

function measureSlice(
  metric: Metric,
  answered: Answered,
  rows: readonly number[],
): Pick<Slice, 'score' | 'difference'> {
  const { labels, scores } = only(answered, rows)
  const [challenger, champion] = scores as [Float64Array, Float64Array?]
  const usable = (all: Float64Array): boolean => firstBadScore(answered.task, all) < 0
  if (!usable(challenger)) return {}
  const score = allMetrics(answered.task, labels, challenger)[metric]
  const losses = (all: Float64Array): Float64Array => rowLosses(answered.loss, labels, all)
  return {
    ...(score !== undefined && { score }),
    ...(champion && usable(champion) && { difference: compareLosses(losses(challenger), losses(champion)) }),
  }
}

/** Each fairness bound of the gate, over the groups that have enough rows. */
export function measureFairness(
  { fairness = [] }: GateSpec,
  { groups, labels, scores }: Answered,
): readonly FairnessResult[] {
  return fairness.map(({ column, measure, max, rowsMin }) => {
    const counts = [...confusionByGroup(groups[column]!, labels, scores[0]!).values()].filter(
      ({ truePositives, falsePositives, trueNegatives, falseNegatives }) =>
        truePositives + falsePositives + trueNegatives + falseNegatives >= rowsMin,
    )
    const difference = fairnessDifference(measure, counts)
    return { column, measure, max, groups: counts.length, ...(difference !== undefined && { difference }) }
  })
}

function rowsByValue(values: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const rows = new Map<string, number[]>()
  for (const [row, value] of values.entries()) {
    const known = rows.get(value)
    if (known) known.push(row)
    else rows.set(value, [row])
  }
  return rows
}

const only = ({ labels, scores }: Answered, rows: readonly number[]) => ({
  labels: Float64Array.from(rows, row => labels[row]!),
  scores: scores.map(all => Float64Array.from(rows, row => all[row]!)),
})
