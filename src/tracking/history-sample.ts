import { setImmediate as nextTurn } from 'node:timers/promises'
import { compareInt64 } from '#kernel/int64.ts'
import { isLater, single, type Block } from './block.ts'
import type { SeriesStore, StepRange } from './store.ts'
import type { StoredPoint } from './metric.ts'

/** Read at once: blocks of so many points' places, some milliseconds on SQLite. */
const placesPerRead = 50

/**
 * At most `most` points of a metric, evenly over all within a range of steps, in the order of step, timestamp and value: as
 * MLflow's server samples since 3.17. Of blocks only those are read that hold one. Blocks that overlap in their steps are
 * taken as if one followed the other.
 */
export async function sampled(
  series: SeriesStore,
  { run, key, blocks }: { run: string; key: string; blocks: readonly Block[] },
  { most, ...range }: StepRange & { readonly most: number },
): Promise<readonly StoredPoint[]> {
  const tiles = (await inRange(series, { run, key, blocks }, range)).toSorted(
    (a, b) => compareInt64(a.fromStep, b.fromStep) || a.fromAt - b.fromAt,
  )
  if (tiles.length === 0) return []
  const count = tiles.reduce((sum, { points }) => sum + points, 0)
  const found: StoredPoint[] = []
  const inside: { from: number; to: number; place: number }[] = []
  for (const { tile, place } of tilesAt(tiles, placesOf(count, most))) {
    if (tile.points === 1) found.push(tile.last)
    else inside.push({ from: tile.fromAt, to: tile.toAt, place })
  }
  for (let start = 0; start < inside.length; start += placesPerRead) {
    found.push(...(await series.atPlaces(run, key, inside.slice(start, start + placesPerRead))))
    await nextTurn()
  }
  const last = tiles.map(tile => tile.last).reduce((a, b) => (isLater(b, a) ? b : a))
  const sorted = found.toSorted(inOrder)
  return isLater(last, sorted.at(-1)!) ? [...sorted.slice(0, -1), last] : sorted
}

/** What of the blocks is within the range: of one that is so in part, its points. */
async function inRange(
  series: SeriesStore,
  { run, key, blocks }: { run: string; key: string; blocks: readonly Block[] },
  { from, to }: StepRange,
): Promise<readonly Block[]> {
  const isWithin = (block: Block): boolean => block.fromStep >= from && block.toStep <= to
  const tiles: Block[] = []
  for (const block of blocks.filter(({ fromStep, toStep }) => toStep >= from && fromStep <= to)) {
    if (isWithin(block)) {
      tiles.push(block)
      continue
    }
    const points = await series.between(run, key, { from: block.fromAt, to: block.toAt, limit: block.points })
    tiles.push(...points.map(single).filter(isWithin))
    await nextTurn()
  }
  return tiles
}

/** Which tile each place is in, and where in it. Places ascend. */
function tilesAt(tiles: readonly Block[], places: readonly number[]): readonly { tile: Block; place: number }[] {
  let [index, before] = [0, 0]
  return places.map(place => {
    while (place >= before + tiles[index]!.points) before += tiles[index++]!.points
    return { tile: tiles[index]!, place: place - before }
  })
}

/** Places among `count` points, from 0: the first of each of `most` equal parts, of which the first ones are larger by one; and the last. */
export function placesOf(count: number, most: number): readonly number[] {
  if (count <= most) return Array.from({ length: count }, (_, place) => place)
  const [size, larger] = [Math.floor(count / most), count % most]
  const firsts = Array.from({ length: most - 1 }, (_, part) => part * size + Math.min(part, larger))
  return [...firsts, count - 1]
}

/** NaN counts as 0. */
const inOrder = (a: StoredPoint, b: StoredPoint): number =>
  compareInt64(a.step, b.step) || a.timestamp - b.timestamp || (a.value || 0) - (b.value || 0)
