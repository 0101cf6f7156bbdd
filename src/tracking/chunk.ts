import type { PointRow } from './point-batch.ts'

/**
 * Points of one metric that came together, in one row: to PostgreSQL a row for each costs seven times as much, in
 * writing, most of it for its index, and in room. No index says whether a point is there already: one that was sent twice
 * may lie in two chunks, or in one and in a row, and who reads makes one of them.
 */
export interface Chunk {
  /** By step, of run and key too. */
  readonly first: PointRow
  readonly last: PointRow
  /** Instants, both included. */
  readonly fromAt: number
  readonly toAt: number
  /** Where its points are among all that are in chunks: from 1, both included, as SQL counts. */
  readonly begin: number
  readonly end: number
}

/** Three of the greatest fill a page of PostgreSQL. */
export const chunkPointsMax = 100
/** Fewer cost less as rows. */
const chunkPointsMin = 8

interface Parted {
  /** Points that stay rows. */
  readonly loose: readonly PointRow[]
  readonly chunked: readonly PointRow[]
  readonly chunks: readonly Chunk[]
}

/** Parts points that are sorted by run, key and step. */
export function parted(points: readonly PointRow[]): Parted {
  const loose: PointRow[] = []
  const chunked: PointRow[] = []
  const chunks: Chunk[] = []
  for (let begin = 0; begin < points.length;) {
    const end = endOf(points, begin)
    const part = points.slice(begin, end)
    begin = end
    const isLoose = part.length < chunkPointsMin
    if (!isLoose) chunks.push(chunkOf(part, chunked.length))
    const to = isLoose ? loose : chunked
    for (const point of part) to.push(point)
  }
  return { loose, chunked, chunks }
}

/** The end, which is not included, of the chunk that begins here. */
function endOf(points: readonly PointRow[], begin: number): number {
  const { run, key } = points[begin]!
  const most = Math.min(points.length, begin + chunkPointsMax)
  let end = begin + 1
  while (end < most && points[end]!.run === run && points[end]!.key === key) end++
  return end
}

function chunkOf(points: readonly PointRow[], before: number): Chunk {
  let [fromAt, toAt] = [Infinity, -Infinity]
  for (const { timestamp } of points) {
    fromAt = Math.min(fromAt, timestamp)
    toAt = Math.max(toAt, timestamp)
  }
  return {
    first: points[0]!,
    last: points.at(-1)!,
    fromAt,
    toAt,
    begin: before + 1,
    end: before + points.length,
  }
}
