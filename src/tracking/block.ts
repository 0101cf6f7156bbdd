import type { Int64 } from '#kernel/int64.ts'
import type { StoredPoint } from './metric.ts'

/**
 * What some hundred points of one metric that follow each other in time come to. Charts of long histories are made of
 * blocks: a million points are four thousand of them. Blocks of a metric tile its time: where one ends the next begins,
 * and where that is not so, a late point has ended a block and the points themselves must be read.
 */
export interface Block {
  readonly fromAt: number
  /** Exclusive. */
  readonly toAt: number
  readonly fromStep: Int64
  readonly toStep: Int64
  /** Of the points that are numbers; undefined when none is. */
  readonly low: number | undefined
  readonly high: number | undefined
  readonly last: StoredPoint
  readonly points: number
}

export const pointsPerBlock = 256

/** Blocks of points that are sorted by time. Points of one instant are not parted; `toAt` is where the next begins. */
export function blocksOf(points: readonly StoredPoint[], fromAt: number, toAt: number): readonly Block[] {
  const blocks: Block[] = []
  let begin = 0
  while (begin < points.length) {
    let end = Math.min(begin + pointsPerBlock, points.length)
    while (end < points.length && points[end]!.timestamp === points[end - 1]!.timestamp) end++
    const to = points[end]?.timestamp ?? toAt
    blocks.push(blockOf(points.slice(begin, end), blocks.at(-1)?.toAt ?? fromAt, to))
    begin = end
  }
  return blocks
}

/** One block of points, of which there is at least one. */
export function blockOf(points: readonly StoredPoint[], fromAt: number, toAt: number): Block {
  let [low, high, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, points[0]!]
  let [fromStep, toStep] = [last.step, last.step]
  for (const point of points) {
    if (point.value < low) low = point.value
    if (point.value > high) high = point.value
    if (point.step < fromStep) fromStep = point.step
    if (point.step > toStep) toStep = point.step
    if (isLater(point, last)) last = point
  }
  const range = low <= high ? { low, high } : { low: undefined, high: undefined }
  return { fromAt, toAt, fromStep, toStep, ...range, last, points: points.length }
}

/** A point as the block of itself. */
export const single = (point: StoredPoint): Block => blockOf([point], point.timestamp, point.timestamp + 1)

/** Whether a point comes after another one, as the latest of a metric does. */
export const isLater = (a: StoredPoint, b: StoredPoint): boolean =>
  a.step !== b.step ? a.step > b.step : a.timestamp > b.timestamp

/** A part of a chart: all points from one step or instant to another. */
export interface Bucket {
  /** Of the points that are in it, both included. */
  readonly from: number
  readonly to: number
  readonly min?: number
  readonly max?: number
  /** Absent when it is NaN. */
  readonly last?: number
  readonly count: number
}

/** Where in a chart a block is: of steps beyond 2^53 the nearest double. */
export type Axis = 'step' | 'time'
const startOf = (block: Block, axis: Axis): number => (axis === 'step' ? Number(block.fromStep) : block.last.timestamp)
const endOf = (block: Block, axis: Axis): number => (axis === 'step' ? Number(block.toStep) : block.last.timestamp)

/** Puts blocks into at most `count` buckets of equal width. A block is in the bucket of its start. */
export function bucketsOf(blocks: readonly Block[], axis: Axis, count: number): readonly Bucket[] {
  if (blocks.length === 0) return []
  const starts = blocks.map(block => startOf(block, axis))
  const low = starts.reduce((a, b) => Math.min(a, b))
  const width = (starts.reduce((a, b) => Math.max(a, b)) - low + 1) / count
  const buckets = new Map<number, Block[]>()
  for (const [index, block] of blocks.entries()) {
    // Of steps that fill the doubles the width is not one more.
    const place = Math.min(count - 1, Math.floor((starts[index]! - low) / width))
    const known = buckets.get(place)
    if (known) known.push(block)
    else buckets.set(place, [block])
  }
  return [...buckets].toSorted(([a], [b]) => a - b).map(([, inside]) => bucketOf(inside, axis))
}

function bucketOf(blocks: readonly Block[], axis: Axis): Bucket {
  let [min, max, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, blocks[0]!.last]
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let count = 0
  for (const block of blocks) {
    min = Math.min(min, block.low ?? min)
    max = Math.max(max, block.high ?? max)
    from = Math.min(from, startOf(block, axis))
    to = Math.max(to, endOf(block, axis))
    if (isLater(block.last, last)) last = block.last
    count += block.points
  }
  return { from, to, ...(min <= max && { min, max }), ...(Number.isNaN(last.value) ? {} : { last: last.value }), count }
}
