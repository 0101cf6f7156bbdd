import { marginalVariances, regressionTree, seededRandom } from '#statistics'
import { unitOf } from './axis.ts'
import { placesOf, type Plane } from './plane.ts'
import type { Seen } from './trial.ts'

/** How much of the differences between trials a parameter explains by itself: shares that add to 1 at most. */
export type Importance = Readonly<Record<string, number>>

const treesMax = 24
/** Newest trials that are looked at. */
const trialsMax = 500
/** With fewer there is nothing to say. */
export const importanceTrialsMin = 8

/**
 * Functional analysis of variance over a forest of regression trees [Hutter et al. 2014]. Losses count by rank, so that
 * a few very bad trials do not explain everything; a parameter that a trial did not have counts as being anywhere.
 * Gives way to others between trees. Undefined when there are too few complete trials.
 */
export async function importanceOf(plane: Plane, trials: readonly Seen[]): Promise<Importance | undefined> {
  const newest = trials.filter(({ state }) => state === 'complete').slice(-trialsMax)
  if (newest.length < importanceTrialsMin) return undefined
  const byLoss = newest.toSorted((a, b) => a.loss! - b.loss!)
  const rank = new Map(byLoss.map(({ number }, index) => [number, index / (byLoss.length - 1)]))
  const random = seededRandom(0)
  const rows = newest.map(({ params }) => {
    const places = placesOf(plane, params)
    return places.map((place, index) => (Number.isNaN(place) ? random() : unitOf(plane.axes[index]!, place)))
  })
  const targets = newest.map(({ number }) => rank.get(number)!)
  const sums = new Float64Array(plane.axes.length)
  for (let tree = 0; tree < treesMax; tree++) {
    const { total, main } = marginalVariances(regressionTree(rows, targets, { seed: tree }), plane.axes.length)
    if (total > 0) main.forEach((variance, index) => (sums[index]! += variance / total / treesMax))
    await new Promise(resolve => setImmediate(resolve))
  }
  return Object.fromEntries(plane.names.map((name, index) => [name, sums[index]!]))
}
