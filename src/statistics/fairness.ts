/**
 * Group fairness of a binary decision: how far apart the groups are, as the largest difference between any two.
 * - `demographic_parity`: share of positive decisions [Dwork et al. 2012; Calders, Verwer 2010].
 * - `equal_opportunity`: share of positive decisions among true positives [Hardt, Price, Srebro 2016].
 * - `equalized_odds`: the larger of that and of the same among true negatives [ibid.].
 * - `predictive_parity`: share of true positives among positive decisions [Chouldechova 2017].
 */
export const fairnessMeasures = [
  'demographic_parity',
  'equal_opportunity',
  'equalized_odds',
  'predictive_parity',
] as const
export type FairnessMeasure = (typeof fairnessMeasures)[number]

/** Rows of one group by truth and decision. */
export interface Confusion {
  truePositives: number
  falsePositives: number
  trueNegatives: number
  falseNegatives: number
}

/**
 * Counts for each group. `truth` holds 0 and 1, `scores` probabilities; a decision is positive from 0.5 on.
 */
export function confusionByGroup(
  groups: readonly string[],
  truth: Float64Array,
  scores: Float64Array,
): ReadonlyMap<string, Confusion> {
  const found = new Map<string, Confusion>()
  for (const [row, group] of groups.entries()) {
    const counts = found.get(group) ?? { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 }
    found.set(group, counts)
    const decided = scores[row]! >= 0.5
    if (truth[row] === 1) counts[decided ? 'truePositives' : 'falseNegatives'] += 1
    else counts[decided ? 'falsePositives' : 'trueNegatives'] += 1
  }
  return found
}

type Rate = (counts: Confusion) => readonly [part: number, whole: number]

const truePositiveRate: Rate = ({ truePositives, falseNegatives }) => [truePositives, truePositives + falseNegatives]
const falsePositiveRate: Rate = ({ falsePositives, trueNegatives }) => [falsePositives, falsePositives + trueNegatives]
const rates: Readonly<Record<FairnessMeasure, readonly Rate[]>> = {
  demographic_parity: [
    counts => [
      counts.truePositives + counts.falsePositives,
      counts.truePositives + counts.falsePositives + counts.trueNegatives + counts.falseNegatives,
    ],
  ],
  equal_opportunity: [truePositiveRate],
  equalized_odds: [truePositiveRate, falsePositiveRate],
  predictive_parity: [({ truePositives, falsePositives }) => [truePositives, truePositives + falsePositives]],
}

/** The difference between the groups, 0 to 1; undefined when no rate is defined in two of them. */
export function fairnessDifference(measure: FairnessMeasure, groups: Iterable<Confusion>): number | undefined {
  const all = [...groups]
  const spreads = rates[measure].flatMap(rate => {
    const defined = all
      .map(rate)
      .filter(([, whole]) => whole > 0)
      .map(([part, whole]) => part / whole)
    return defined.length < 2 ? [] : [Math.max(...defined) - Math.min(...defined)]
  })
  return spreads.length === 0 ? undefined : Math.max(...spreads)
}
