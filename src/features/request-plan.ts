import { columnsOf, type Expression, type Value, type ValueType } from './expression/expression.ts'
import { compile, type Compute } from './expression/run.ts'
import { eventTime } from './feature-version.ts'
import { columnsFor, readRequestView } from './request-view.ts'
import { serviceFeatures, type ServiceView } from './service.ts'

/**
 * What has to be known of a row to compute its request features, and how. Training sets are made by it, and requests are
 * answered by it.
 */
export interface RequestPlan {
  /** What requests bring. */
  readonly columns: readonly PlannedColumn[]
  /** What is looked up for it, by a name that no column and no other feature has. */
  readonly reads: readonly PlannedRead[]
  readonly features: readonly PlannedFeature[]
}

export interface PlannedColumn {
  readonly name: string
  readonly type: ValueType
  /** The request view that wants it. */
  readonly view: string
}

export interface PlannedRead extends PlannedColumn {
  readonly field: string
  readonly maxAgeMs?: number | undefined
}

export interface PlannedFeature extends PlannedColumn {
  /** What it is computed of: names of columns and reads, the entity key, `event_time`. */
  readonly needs: readonly string[]
  readonly expression: Expression
  /** Of the values of what it needs, in that order. */
  readonly compute: Compute
}

/** The plan for those request features of a service that are wanted; undefined when none is. Throws as `readRequestView`. */
export function planRequest(
  service: ServiceView,
  isWanted: (feature: string) => boolean = () => true,
): RequestPlan | undefined {
  const { entityKey, requests = [] } = service
  const names = serviceFeatures(service)
  const reads = readsOf(service)
  const features = requests.flatMap(request => {
    const { view, fields } = request
    const places = new Map(
      Object.keys(columnsFor(request, entityKey)).map(name => {
        const read = request.reads.find(each => each.name === name)
        return [name, read ? reads.find(each => isSame(each, read))!.name : name]
      }),
    )
    return readRequestView(request, entityKey)
      .filter(({ name }) => fields.includes(name))
      .map(({ name: field, type, expression }) => ({
        view,
        name: names.find(each => each.view === view && each.field === field)!.name,
        type,
        expression: renamed(expression, places),
      }))
      .filter(({ name }) => isWanted(name))
  })
  if (features.length === 0) return undefined
  const planned = features.map(feature => {
    const needs = [...columnsOf(feature.expression)]
    return { ...feature, needs, compute: compile(feature.expression, name => needs.indexOf(name)) }
  })
  const needed = new Set(planned.flatMap(({ needs }) => needs))
  const columns = requests.flatMap(({ view, columns: own }) =>
    Object.entries(own).map(([name, type]) => ({ name, type, view })),
  )
  const first = <Named extends { name: string }>({ name }: Named, at: number, all: readonly Named[]): boolean =>
    needed.has(name) && all.findIndex(other => other.name === name) === at
  return { columns: columns.filter(first), reads: reads.filter(first), features: planned }
}

interface Field {
  readonly view: string
  readonly field: string
}

const isSame = (one: Field, other: Field): boolean => one.view === other.view && one.field === other.field

/** What is looked up for all request views, once each: a feature of the service under its name there. */
function readsOf(service: ServiceView): PlannedRead[] {
  const { requests = [], entityKey } = service
  const features = serviceFeatures(service)
  const all = requests.flatMap(({ reads }) => reads)
  const distinct = all.filter((read, at) => all.findIndex(other => isSame(other, read)) === at)
  const taken = [
    entityKey,
    eventTime,
    ...features.map(({ name }) => name),
    ...requests.flatMap(({ columns }) => Object.keys(columns)),
  ]
  return distinct.map(read => {
    const { view, field } = read
    const isShared = taken.includes(field) || distinct.some(other => other.field === field && other.view !== view)
    const own = isShared ? `${view}__${field}` : field
    return { ...read, name: features.find(each => isSame(each, read))?.name ?? own }
  })
}

function renamed(expression: Expression, places: ReadonlyMap<string, string>): Expression {
  if ('column' in expression) return { column: places.get(expression.column)! }
  return 'call' in expression ? { ...expression, of: expression.of.map(each => renamed(each, places)) } : expression
}

/** A feature of each row, of the values of what it needs. */
export function computeFeature(
  { needs, compute }: PlannedFeature,
  rows: number,
  valuesOf: (name: string) => ArrayLike<Value>,
): Value[] {
  const columns = needs.map(valuesOf)
  const row: Value[] = columns.map(() => null)
  return Array.from({ length: rows }, (_, at) => {
    for (let place = 0; place < columns.length; place++) row[place] = columns[place]![at]!
    return compute(row)
  })
}
