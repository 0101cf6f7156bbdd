import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Db, engineOf, type Engine } from '#storage'
import { blocksOf, pointsPerBlock, single, type Block } from './block.ts'
import type { SeriesStore } from './store.ts'
import type { StoredPoint } from './metric.ts'

/** The blocks of metrics: made when points have come, read when a chart is drawn. */
export interface Blocks {
  /** A metric as blocks; the last points, of which none is made yet, are blocks of their own. */
  all(run: string, key: string): Promise<readonly Block[]>
  /** `between` is awaited after each transaction. */
  compact(series: { run: string; key: string }, between?: () => Promise<void>): Promise<void>
}

/**
 * Read at once; blocks of so many points are made in one transaction. On SQLite everybody waits for it, some milliseconds;
 * on PostgreSQL only the run's own writers do, and what is said to the server costs more than what is read.
 */
const pointsPerRead: Readonly<Record<Engine, number>> = { sqlite: 8_192, postgres: 32_768 }
/** So few points beside blocks are read as they are. */
const looseMax = 4 * pointsPerBlock

export function createBlocks({ db, series }: { db: Db; series: SeriesStore }): Blocks {
  const limit = pointsPerRead[engineOf(db)]

  /** The blocks of a metric, and the stretches of time between and behind them. */
  async function tiles(run: string, key: string): Promise<{ blocks: readonly Block[]; gaps: readonly Gap[] }> {
    const blocks = await series.blocks(run, key)
    const gaps: Gap[] = []
    let end = 0
    for (const { fromAt, toAt } of blocks) {
      if (fromAt > end) gaps.push({ from: end, to: fromAt })
      end = toAt
    }
    return { blocks, gaps: [...gaps, { from: end, to: Number.MAX_SAFE_INTEGER }] }
  }

  /** Makes blocks of the first points of a stretch, and gives the rest; the last of all stay loose, for more will come. */
  async function fill(run: string, key: string, gap: Gap): Promise<Gap | undefined> {
    return db.transaction().execute(async tx => {
      if (!(await series.lock(tx, run))) return undefined
      // Another reader may have been here since it was looked up.
      if (!(await series.isBare(tx, { run, key }, gap))) return undefined
      const points = await series.between(run, key, { ...gap, limit }, tx)
      const isAll = points.length < limit
      const isOpen = gap.to === Number.MAX_SAFE_INTEGER
      const cut = isAll && !isOpen ? points.length : lastCut(points)
      if (cut === 0) return undefined
      const toAt = points[cut]?.timestamp ?? gap.to
      await series.putBlocks(tx, { run, key }, blocksOf(points.slice(0, cut), gap.from, toAt))
      return isAll ? undefined : { from: toAt, to: gap.to }
    })
  }

  async function compact(
    { run, key }: { run: string; key: string },
    between: () => Promise<void> = async () => {},
  ): Promise<void> {
    for (const gap of (await tiles(run, key)).gaps)
      for (let rest: Gap | undefined = gap; rest; await between()) rest = await fill(run, key, rest)
  }

  /** The points of the stretches; undefined when there are more. */
  async function loose(
    run: string,
    key: string,
    { gaps, most }: { gaps: readonly Gap[]; most: number },
  ): Promise<readonly Block[] | undefined> {
    const found: StoredPoint[] = []
    for (const gap of gaps) {
      for (const point of await series.between(run, key, { ...gap, limit: most - found.length + 1 })) found.push(point)
      if (found.length > most) return undefined
    }
    return found.map(single)
  }

  async function all(run: string, key: string): Promise<readonly Block[]> {
    // SQLite answers synchronously: between two metrics everybody else has a turn.
    await nextTurn()
    const { blocks, gaps } = await tiles(run, key)
    const points = await loose(run, key, { gaps, most: looseMax })
    if (points) return [...blocks, ...points]
    await compact({ run, key }, nextTurn)
    const after = await tiles(run, key)
    return [...after.blocks, ...(await loose(run, key, { gaps: after.gaps, most: Number.MAX_SAFE_INTEGER - 1 }))!]
  }

  return { all, compact }
}

interface Gap {
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/** Where whole blocks end, between points of different instants. */
function lastCut(points: readonly StoredPoint[]): number {
  let cut = Math.floor(points.length / pointsPerBlock) * pointsPerBlock
  if (cut === points.length) cut -= 1
  while (cut > 0 && points[cut]?.timestamp === points[cut - 1]!.timestamp) cut--
  return cut
}
