import { invalid, TrainyardError } from '#kernel/error.ts'
import {
  type AnyTx,
  type ColumnType,
  type Db,
  type Engine,
  engineOf,
  inside,
  type RowStatement,
  runRows,
} from '#storage'
import type { Keys } from './key-store.sql.ts'
import type { Accepted, Write, WrittenRow } from './log-write.sql.ts'
import { appendPoints } from './point-statement.sql.ts'
import { putPoints } from './point-write.sql.ts'
import type { LogStore, RunEntry } from './store.ts'
import type { TrackingTables } from './tables.ts'
import { nameTag } from './tracking-run.ts'

/** What runs log, in SQL: few statements for many entries, in an order that all writers keep. */
export function sqlLogStore(db: Db, keys: Keys): LogStore {
  const engine = engineOf(db)
  return {
    lanes: engine === 'sqlite' ? 1 : 3,

    async prepare(entries) {
      await keys.numbers(keysOf(entries))
    },

    async appendAlone(entries) {
      if (engine === 'sqlite' || entries.some(entry => entry.params.length + entry.tags.length > 0)) return undefined
      const runs = await appendPoints(db, entries, await keys.numbers(keysOf(entries)))
      const known = new Map(runs.map(run => [run.id, run]))
      return entries.map(entry => notWritable(known.get(entry.run), entry.run))
    },

    async append(tx, entries) {
      const runs = await runsOf(tx, engine, new Set(entries.map(entry => entry.run)))
      const numbers = await keys.numbersIn(tx, keysOf(entries))
      const params = await paramsOf(tx, { entries, runs, numbers })
      const refusals: (Error | undefined)[] = []
      const accepted: Accepted[] = []
      for (const entry of entries) {
        const refusal = notWritable(runs.get(entry.run), entry.run) ?? changesParam(params, entry)
        refusals.push(refusal)
        if (!refusal) accepted.push({ ...entry, row: runs.get(entry.run)! })
      }
      const write = { tx, accepted, numbers }
      await putParams(write)
      await putTags(write)
      await putPoints(write)
      return refusals
    },
  }
}

function keysOf(entries: readonly RunEntry[]): Set<string> {
  const names = new Set<string>()
  for (const { points, params, tags } of entries) {
    for (const { key } of points) names.add(key)
    for (const { key } of params) names.add(key)
    for (const { key } of tags) names.add(key)
  }
  return names
}

/** The runs of a write. On PostgreSQL they cannot be purged, nor blocks be made of their points, until it ends. */
async function runsOf(tx: AnyTx, engine: Engine, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, WrittenRow>> {
  const query = inside<TrackingTables>(tx)
    .selectFrom('tracking_run')
    .select(['seq', 'id', 'experiment', 'lifecycle', 'started_at', 'has_blocks'])
    .where('id', 'in', [...ids])
  const rows = await (engine === 'postgres' ? query.orderBy('seq').forKeyShare() : query).execute()
  return new Map(rows.map(row => [row.id, row]))
}

function notWritable(run: Pick<WrittenRow, 'lifecycle'> | undefined, id: string): Error | undefined {
  if (!run) return new TrainyardError('not_found', `Run with id=${id} not found`, { what: 'run', key: id })
  if (run.lifecycle === 'active') return undefined
  return invalid(`The run ${id} must be in the 'active' state. Current state is ${run.lifecycle}.`)
}

/** Values by run and key of those params that are written and were there before. */
type KnownParams = Map<string, string>

async function paramsOf(
  tx: AnyTx,
  {
    entries,
    runs,
    numbers,
  }: { entries: readonly RunEntry[]; runs: ReadonlyMap<string, WrittenRow>; numbers: Write['numbers'] },
): Promise<KnownParams> {
  const names = new Map<number, string>()
  const wanted: number[] = []
  for (const { run, params } of entries)
    for (const { key } of params) {
      const row = runs.get(run)
      if (!row) continue
      names.set(numbers.get(key)!, key)
      wanted.push(row.seq, numbers.get(key)!)
    }
  if (wanted.length === 0) return new Map()
  const ids = new Map([...runs.values()].map(row => [row.seq, row.id]))
  const rows = await runRows<{ run: number; key: number; value: string }>(tx, knownParams, wanted)
  return new Map(rows.map(row => [placeOf(ids.get(row.run)!, names.get(row.key)!), row.value]))
}

const knownParams: RowStatement = {
  head: 'with wanted (run, key) as (',
  types: ['bigint', 'bigint'],
  tail: `) select p.run, p.key, p.value from wanted cross join tracking_param as p
         where p.run = wanted.run and p.key = wanted.key`,
}

const placeOf = (run: string, key: string): string => `${run} ${key}`

/** Params never change. What an entry adds is known to those after it. */
function changesParam(known: KnownParams, { run, params }: RunEntry): Error | undefined {
  for (const { key, value } of params) {
    const before = known.get(placeOf(run, key))
    if (before !== undefined && before !== value) return paramChanged(run, key, before, value)
  }
  for (const { key, value } of params) known.set(placeOf(run, key), value)
  return undefined
}

const paramChanged = (run: string, key: string, before: string, value: string): Error =>
  invalid(
    `Changing param values is not allowed. Param with key='${key}' was already logged with value='${before}' for run ` +
      `ID='${run}'. Attempted logging new value '${value}'.`,
  )

async function putParams({ tx, accepted, numbers }: Write): Promise<void> {
  const rows = new Map<string, KeyedRow>()
  for (const { row, params } of accepted)
    for (const { key, value } of params) {
      const number = numbers.get(key)!
      rows.set(`${row.seq} ${number}`, [row.seq, number, value, row.experiment, row.started_at])
    }
  if (rows.size === 0) return
  const sorted = [...rows.values()].toSorted(byRunAndKey)
  const fresh = await runRows(tx, newParams, sorted.flat())
  if (fresh.length === rows.size) return
  // Another process may have been faster: what is there now is what counts.
  const found = await runRows<{ run: number; key: number; value: string }>(
    tx,
    knownParams,
    sorted.flatMap(row => row.slice(0, 2)),
  )
  const ids = new Map(accepted.map(({ row }) => [row.seq, row.id]))
  const names = new Map([...numbers].map(([name, number]) => [number, name]))
  for (const { run, key, value } of found) {
    const meant = rows.get(`${run} ${key}`)![2]
    if (value !== meant) throw paramChanged(ids.get(run)!, names.get(key)!, value, meant)
  }
}

type KeyedRow = readonly [run: number, key: number, value: string, experiment: number, startedAt: number]

const byRunAndKey = (a: readonly unknown[], b: readonly unknown[]): number =>
  (a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number)

const keyedColumns: readonly ColumnType[] = ['bigint', 'bigint', 'text', 'bigint', 'bigint']
const newParams: RowStatement = {
  head: 'insert into tracking_param (run, key, value, experiment, started_at)',
  types: keyedColumns,
  tail: 'on conflict (run, key) do nothing returning key',
}
const newTags: RowStatement = {
  head: 'insert into tracking_tag (run, key, value, experiment, started_at)',
  types: keyedColumns,
  tail: 'on conflict (run, key) do update set value = excluded.value',
}

async function putTags({ tx, accepted, numbers }: Write): Promise<void> {
  const rows = new Map<string, KeyedRow>()
  const runNames = new Map<number, string>()
  for (const { row, tags } of accepted)
    for (const { key, value } of tags) {
      const number = numbers.get(key)!
      rows.set(`${row.seq} ${number}`, [row.seq, number, value, row.experiment, row.started_at])
      if (key === nameTag) runNames.set(row.seq, value)
    }
  if (rows.size === 0) return
  await runRows(tx, newTags, [...rows.values()].toSorted(byRunAndKey).flat())
  const own = inside<TrackingTables>(tx)
  for (const [seq, name] of [...runNames].toSorted(byRunAndKey))
    await own.updateTable('tracking_run').set({ name }).where('seq', '=', seq).execute()
}
