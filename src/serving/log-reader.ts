import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Millis } from '#kernel/clock.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { toPage, type Page } from '#kernel/page.ts'
import { literal, type Duckdb, type Row } from '#storage'
import type { Prediction } from './deployment.ts'
import { parquetRows } from './log-files.ts'
import type { PredictionOrder, SegmentRow, ServingStore } from './store.ts'

export interface LogReaderParts {
  readonly store: ServingStore
  readonly duckdb: Duckdb
  readonly folder: string
}

export interface PredictionQuery {
  readonly deployment: string
  /** Half-open range of event time, in milliseconds. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** By event time unless said otherwise. */
  readonly order?: PredictionOrder | undefined
  readonly limit: number
  readonly after?: string | undefined
}

const filesPerStep = 64

/** How predictions are put in order, newest first, and where a page of them goes on. Ids sort by arrival. */
interface Order {
  readonly sql: string
  /** What comes after a cursor. */
  after(cursor: string): { readonly where: string; readonly to?: number }
  cursorOf(prediction: Prediction): string
  /** Whether a row comes before all that is in files which begin after this one. */
  isBefore(row: Row, file: SegmentRow): boolean
}

const orders: Readonly<Record<PredictionOrder, Order>> = {
  event_time: {
    sql: 'event_time desc, id desc',
    after(cursor) {
      const [eventTime, id] = cursorParts(cursor, /^(-?\d+)~(prd_[0-9a-f-]{36})$/)
      return { where: `(event_time < ${eventTime} or id < ${literal(id!)})`, to: Number(eventTime) + 1 }
    },
    cursorOf: ({ eventTime, id }) => `${eventTime}~${id}`,
    isBefore: (row, file) => (row['event_time'] as number) > file.eventTo,
  },
  arrival: {
    sql: 'id desc',
    after: cursor => ({ where: `id < ${literal(cursorParts(cursor, /^(prd_[0-9a-f-]{36})$/)[0]!)}` }),
    cursorOf: ({ id }) => id,
    isBefore: (row, file) => (row['id'] as string) > file.idTo,
  },
}

/** Predictions, newest first. Only the files that can hold a row of the page are read. */
export async function readPage(
  { store, duckdb, folder }: LogReaderParts,
  query: PredictionQuery,
): Promise<Page<Prediction>> {
  const { deployment, from, limit, order: name = 'event_time' } = query
  const order = orders[name]
  const position = query.after === undefined ? undefined : order.after(query.after)
  const to = Math.min(query.to ?? Infinity, position?.to ?? Infinity)
  const where = [
    ...(from === undefined ? [] : [`event_time >= ${Math.floor(from)}`]),
    ...(to === Infinity ? [] : [`event_time < ${Math.floor(to)}`]),
    ...(position ? [position.where] : []),
  ]
  return untilSteady(async () => {
    const files: SegmentRow[] = []
    let after: string | undefined
    for (;;) {
      const page = await store.segments(
        { deployment, from, to: to === Infinity ? undefined : to, order: name },
        { limit: filesPerStep, after },
      )
      files.push(...page.items)
      if (files.length === 0) return { items: [] }
      const paths = files.map(({ file }) => join(folder, file))
      const rows = await duckdb.query([
        `select * from (${parquetRows(paths)}) ${where.length > 0 ? `where ${where.join(' and ')}` : ''} order by ${order.sql} limit ${limit + 1}`,
      ])
      // Files that were not read hold nothing later than the last one that was.
      const isComplete = rows.length > limit && order.isBefore(rows[limit]!, files.at(-1)!)
      if (!page.next || isComplete) return toPage(rows.map(toPrediction), limit, order.cursorOf)
      after = page.next
    }
  })
}

/** What the log of each project has in files. A file that was merged into another meanwhile counts nothing. */
export async function logUsage({
  store,
  folder,
}: Pick<LogReaderParts, 'store' | 'folder'>): Promise<readonly { project: string; files: number; bytes: number }[]> {
  const byProject = Map.groupBy(await store.logFiles(), ({ project }) => project)
  const usage = []
  for (const [project, files] of byProject) {
    const sizes = await Promise.all(files.map(({ file }) => stat(join(folder, file)).catch(() => undefined)))
    usage.push({ project, files: files.length, bytes: sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0) })
  }
  return usage
}

/** The predictions with these ids that are in the log, in no order. */
export async function readByIds(
  { store, duckdb, folder }: LogReaderParts,
  ids: readonly string[],
): Promise<readonly Prediction[]> {
  if (ids.length === 0) return []
  const sorted = ids.toSorted()
  return untilSteady(async () => {
    const segments = await store.segmentsWithIds(sorted[0]!, sorted.at(-1)!)
    const holding = segments.filter(({ idFrom, idTo }) => ids.some(id => id >= idFrom && id <= idTo))
    if (holding.length === 0) return []
    const rows = await duckdb.query([
      `select * from (${parquetRows(holding.map(({ file }) => join(folder, file)))}) where id in (${ids.map(literal).join(', ')})`,
    ])
    return rows.map(toPrediction)
  })
}

/** A file may be merged into another between its naming and its reading: then the list is asked for again. */
export async function untilSteady<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof TrainyardError && error.code === 'invalid')) throw error
    return read()
  }
}

/** The parts of a cursor. Throws `invalid` for one that no page of this order has given. */
function cursorParts(cursor: string, form: RegExp): readonly string[] {
  const found = form.exec(cursor)
  if (found) return found.slice(1)
  throw invalid('The cursor is of another list, or of this one in another order.', [
    { field: 'after', value: cursor, allowed: '`next` of the page before, with the same order' },
  ])
}

const toPrediction = (row: Row): Prediction => ({
  id: row['id'] as string,
  deployment: row['deployment'] as string,
  revision: row['revision'] as string,
  version: row['version'] as string,
  ...(row['key'] === null ? {} : { key: row['key'] as string }),
  eventTime: row['event_time'] as Millis,
  receivedAt: row['received_at'] as Millis,
  features: JSON.parse(row['features'] as string) as Prediction['features'],
  outputs: JSON.parse(row['outputs'] as string) as Prediction['outputs'],
  ...(typeof row['feature_times'] === 'string' && {
    featureTimes: JSON.parse(row['feature_times']) as NonNullable<Prediction['featureTimes']>,
  }),
  ...(typeof row['filled'] === 'string' && {
    filled: JSON.parse(row['filled']) as NonNullable<Prediction['filled']>,
  }),
  ...(typeof row['request_id'] === 'string' && { requestId: row['request_id'] }),
  latencyMs: row['latency_ms'] as number,
  ...(typeof row['inclusion'] === 'number' ? { inclusion: row['inclusion'] } : {}),
  ...(row['drawn'] === false ? { drawn: false } : {}),
  ...(row['forced'] === true ? { forced: true } : {}),
  ...(row['error'] === null ? {} : { error: row['error'] as string }),
})
