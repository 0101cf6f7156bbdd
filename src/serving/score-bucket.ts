/**
 * Scores by count, so that they can be added up however many there are. Buckets are in the order of the scores, and each is
 * 5 % wide by its distance from 0 or, from one half on, from 1: probabilities lie dense at both ends.
 */

const nearestZero = 1e-6
const growth = 1.05

/** The bucket of a score; undefined of what is no finite number. */
export function scoreBucket(score: number): number | undefined {
  if (!Number.isFinite(score)) return undefined
  if (score < 0) return -distanceBucket(-score)
  if (score <= 0.5) return distanceBucket(score)
  return score <= 1 ? one - distanceBucket(1 - score) : one + distanceBucket(score - 1)
}

const distanceBucket = (distance: number): number =>
  distance < nearestZero ? 0 : 1 + Math.floor(Math.log(distance / nearestZero) / Math.log(growth))

/** The bucket of 1: as many lie between it and one half as between one half and 0. */
const one = 2 * distanceBucket(0.5)
