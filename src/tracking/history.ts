import type { Int64 } from '#kernel/int64.ts'
import type { Db } from '#storage'
import { bucketsOf, isLater, single, type Axis, type Bucket } from './block.ts'
import { createBlocks, type Blocks } from './blocks.ts'
import { sampled } from './history-sample.ts'
import type { HistoryStore, SeriesStore, StepRange } from './store.ts'
import type { StoredPoint } from './metric.ts'

/** What metrics were over time: every point, or what a chart needs of them. */
export interface History extends HistoryStore {
  /** The points of one metric of a run in at most so many buckets. Empty of a run or metric that is not there. */
  reduced(series: { run: string; key: string }, chart: Chart): Promise<readonly Bucket[]>
  /** At most so many points of one metric of a run, evenly over all within the range; by step, timestamp and value. */
  sampled(
    series: { run: string; key: string },
    sample: Partial<StepRange> & { readonly most: number },
  ): Promise<readonly StoredPoint[]>
  /** The point of the greatest step up to this one. */
  at(series: { run: string; key: string }, step: Int64): Promise<StoredPoint | undefined>
  /** Makes blocks of points that have been added, so that charts of long histories are quick at once; see `Blocks`. */
  readonly compact: Blocks['compact']
}

export interface Chart {
  readonly axis: Axis
  readonly buckets: number
  /** Steps or instants, both included. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export function createHistory({ db, store, series }: { db: Db; store: HistoryStore; series: SeriesStore }): History {
  const blocks = createBlocks({ db, series })

  return {
    points: store.points,
    compact: blocks.compact,

    async sampled({ run, key }, { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, most }) {
      return sampled(series, { run, key, blocks: await blocks.all(run, key) }, { from, to, most })
    },

    async at({ run, key }, step) {
      let found: StoredPoint | undefined
      for (const { fromStep, toStep, fromAt, toAt, last, points } of await blocks.all(run, key)) {
        if (fromStep > step || (found && toStep < found.step)) continue
        const inside =
          toStep <= step ? [last] : await series.between(run, key, { from: fromAt, to: toAt, limit: points })
        for (const point of inside) if (point.step <= step && (!found || isLater(point, found))) found = point
      }
      return found
    },

    async reduced({ run, key }, { axis, buckets, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }) {
      const shown = (await blocks.all(run, key)).filter(({ fromStep, toStep, fromAt, toAt }) =>
        axis === 'step' ? toStep >= from && fromStep <= to : toAt > from && fromAt <= to,
      )
      const count = shown.reduce((sum, { points }) => sum + points, 0)
      if (count === shown.length || count > exactMax) return bucketsOf(shown, axis, buckets)
      const range = {
        from: Math.min(...shown.map(block => block.fromAt)),
        to: Math.max(...shown.map(block => block.toAt)),
        limit: count,
      }
      const points = (await series.between(run, key, range)).filter(point => {
        const place = axis === 'step' ? point.step : point.timestamp
        return place >= from && place <= to
      })
      return bucketsOf(points.map(single), axis, buckets)
    },
  }
}

/** So few points are shown one by one, where the edges of blocks would be seen. */
const exactMax = 8_192
