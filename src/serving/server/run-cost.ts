/** What runs of a model take, learned from those there were. */
export interface RunCost {
  learn(rows: number, ms: number): void
  /** What so many runs with so many rows in all will take, in milliseconds; 0 as long as nothing has run. */
  of(runs: number, rows: number): number
}

/** How much an observation counts after one more: the last twenty or so decide. */
const decay = 0.95

/**
 * A run takes `perRun + perRow · rows`: least squares on decayed sums, O(1) a run. While all runs have had as many rows,
 * the two cannot be told apart and all is taken for the run's: less is promised to take long than might.
 */
export function createRunCost(): RunCost {
  let [count, n, ms, nn, nms] = [0, 0, 0, 0, 0]
  return {
    learn(rows, took) {
      count = count * decay + 1
      n = n * decay + rows
      ms = ms * decay + took
      nn = nn * decay + rows * rows
      nms = nms * decay + rows * took
    },
    of(runs, rows) {
      if (count === 0) return 0
      const spread = nn * count - n * n
      const slope = spread > 1e-9 * nn * count ? Math.max(0, (nms * count - n * ms) / spread) : 0
      const perRun = (ms - slope * n) / count
      return perRun < 0 ? (nms / nn) * rows : perRun * runs + slope * rows
    },
  }
}
