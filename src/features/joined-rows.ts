import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identifier, literal } from '#storage'
import type { FeatureDeps } from './compute.ts'
import { storedTypes, type Value } from './expression/expression.ts'
import { eventTime, label as labelColumn, type FeatureVersion } from './feature-version.ts'
import { carriedColumn } from './label-columns.ts'
import { pointInTimeJoin, type JoinedView } from './point-in-time.ts'
import { computeFeature, type RequestPlan } from './request-plan.ts'
import { serviceFeatures, type ServiceView } from './service.ts'

export interface Output {
  /** The label's rows. */
  readonly asked: string
  readonly service: ServiceView
  readonly plan: RequestPlan | undefined
  /** A version of each view. */
  readonly versions: readonly FeatureVersion[]
  /** For temporary files. */
  readonly folder: string
  /** The Parquet file that is written: entity key, event_time, features, label. */
  readonly path: string
  readonly signal: AbortSignal
}

/**
 * Writes the label's rows with their features. Those of which no view had a row in time are counted and left out, as a
 * model could not have been asked either; with features that are computed of requests it can, and all are there.
 */
export async function joinRows(deps: FeatureDeps, output: Output): Promise<{ rows: number; featureless: number }> {
  const { duckdb } = deps
  const { asked, service, plan, folder, path, signal } = output
  const { setup, views } = await joinedViews(deps, output)
  const carried = plan ? plan.columns.map((_, place) => `asked.${carriedColumn(place)}`) : []
  const kept = plan ? 'true' : '__seen > 0'
  const joined = literal(join(folder, 'joined.parquet'))
  const [row] = await duckdb.query(
    [
      `create temp view asked as select * from read_parquet(${literal(asked)})`,
      ...setup,
      `create temp table joined as select ${['asked.__key', 'asked.__time', 'asked.label', ...carried].join(', ')}, found.* exclude (__row) from asked join (${pointInTimeJoin('asked', views)}) found on found.__row = asked.__row`,
      `copy (select row_number() over (order by __time, __key) - 1 as __row, * from joined where ${kept}) to ${joined} (format parquet)`,
      `select count(*) filter (${kept}) as rows, count(*) filter (not ${kept}) as featureless from joined`,
    ],
    signal,
  )
  const rows = Number(row!['rows'])
  const computed = plan ? await computeRows(deps, { plan, service, joined, rows, folder, signal }) : undefined
  const features = serviceFeatures(service).map(({ name }) =>
    computed?.names.has(name) ? `computed.${identifier(name)}` : `joined.${identifier(name)}`,
  )
  const columns = [
    `__key as ${identifier(service.entityKey)}`,
    `__time as ${identifier(eventTime)}`,
    ...features,
    labelColumn,
  ]
  const beside = computed ? `join (${computed.relation}) computed on computed.__row = joined.__row` : ''
  await duckdb.query(
    [
      `copy (select ${columns.join(', ')} from ${joined} joined ${beside} order by joined.__row) to ${literal(path)} (format parquet, compression zstd)`,
    ],
    signal,
  )
  return { rows, featureless: Number(row!['featureless']) }
}

/** Each view once, with the features of the service and what is read for those that are computed. */
async function joinedViews(
  { blobs }: FeatureDeps,
  { service, plan, versions }: Output,
): Promise<{ setup: readonly string[]; views: readonly JoinedView[] }> {
  const features = serviceFeatures(service)
  const reads = plan?.reads ?? []
  const names = [...new Set([...service.views.map(({ view }) => view), ...reads.map(({ view }) => view)])]
  const setup = []
  const views = []
  for (const [index, view] of names.entries()) {
    const { digest } = versions.find(version => version.view === view)!
    const relation = `view_rows_${index}`
    const file = literal(await blobs.path(digest))
    setup.push(
      `create temp view ${relation} as select *, ${identifier(service.entityKey)} as __key, ${identifier(eventTime)} as __time from read_parquet(${file})`,
    )
    const fields = [
      ...features.filter(feature => feature.view === view),
      ...reads.flatMap((read, place) => (read.view === view ? [{ field: read.field, name: readColumn(place) }] : [])),
    ]
    const { maxAgeMs } = [...service.views, ...reads].find(each => each.view === view)!
    views.push({ relation, fields, maxAgeMs })
  }
  return { setup, views }
}

const readColumn = (place: number): string => `__read_${place}`

interface Computing {
  readonly plan: RequestPlan
  readonly service: ServiceView
  /** SQL: the file of joined rows. */
  readonly joined: string
  readonly rows: number
  readonly folder: string
  readonly signal: AbortSignal
}

/** Rows that are computed at once. */
const pageRows = 10_000

/** Computes the request features of all rows, by the code that computes them for a request; as a relation with `__row`. */
async function computeRows(
  { duckdb }: FeatureDeps,
  { plan, service, joined, rows, folder, signal }: Computing,
): Promise<{ relation: string; names: ReadonlySet<string> }> {
  const needs = [...new Set(plan.features.flatMap(feature => feature.needs))]
  const selected = needs.map((name, at) => `${needSql(plan, service, name)} as n${at}`)
  const file = join(folder, 'computed.ndjson')
  await writeFile(file, '')
  for (let from = 0; from < rows; from += pageRows) {
    const page = await duckdb.query(
      [
        `select ${['__row', ...selected].join(', ')} from ${joined} where __row >= ${from} and __row < ${from + pageRows} order by __row`,
      ],
      signal,
    )
    const columns = new Map(needs.map((name, at) => [name, page.map(row => row[`n${at}`] as Value)]))
    const values = plan.features.map(feature => computeFeature(feature, page.length, name => columns.get(name)!))
    const lines = page.map((_, row) =>
      JSON.stringify({
        __row: from + row,
        ...Object.fromEntries(plan.features.map(({ name }, at) => [name, values[at]![row]])),
      }),
    )
    await appendFile(file, `${lines.join('\n')}\n`)
  }
  const types = plan.features.map(({ name, type }) => `${identifier(name)}: ${literal(storedTypes[type])}`)
  return {
    relation: `select * from read_json(${literal(file)}, format = 'newline_delimited', columns = {__row: 'BIGINT', ${types.join(', ')}})`,
    names: new Set(plan.features.map(({ name }) => name)),
  }
}

/** SQL: what a feature needs, of the joined rows. */
function needSql({ columns, reads }: RequestPlan, { entityKey }: ServiceView, name: string): string {
  if (name === entityKey) return '__key'
  if (name === eventTime) return 'epoch_ms(__time)'
  const [column, read] = [columns.findIndex(each => each.name === name), reads.findIndex(each => each.name === name)]
  return column >= 0 ? carriedColumn(column) : readColumn(read)
}
