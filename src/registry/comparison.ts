import { mean, pairedDifference } from '#statistics'

/** Challenger minus champion in mean loss per row, with a 95 % interval. Negative: the challenger is better. */
export interface Difference {
  readonly difference: number
  readonly lower: number
  readonly upper: number
}

const blocksMax = 2_000
const iterations = 1_000
const seed = 20_230_327

/**
 * Compares two models on the same rows by a paired bootstrap. Of many rows, neighbours are averaged to at most 2,000
 * blocks first: the interval stays, its cost is bounded, and what is alike in neighbouring rows is not counted twice.
 */
export function compareLosses(challenger: Float64Array, champion: Float64Array): Difference {
  const { lower, upper } = pairedDifference(blockMeans(challenger), blockMeans(champion), { seed, iterations })
  return { difference: mean(challenger) - mean(champion), lower, upper }
}

function blockMeans(losses: Float64Array): Float64Array {
  const size = Math.ceil(losses.length / blocksMax)
  if (size === 1) return losses
  return Float64Array.from({ length: Math.ceil(losses.length / size) }, (_, block) =>
    mean(losses.subarray(block * size, (block + 1) * size)),
  )
}
