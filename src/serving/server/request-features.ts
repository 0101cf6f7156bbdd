import { computeFeature, type PlannedFeature, type Value, type ValueType } from '#features/request.ts'
import type { BundleManifest } from '../bundle.ts'
import { kinds, type Requested } from '../requested.ts'
import { checkValue, fillingOf, positionsOf, requireValue, ruleOf, show, type Bound, type Column } from './bind.ts'
import { keysWanted, type Found, type Subjects, type WantedRead } from './lookup.ts'
import { badRequest, RequestError } from './request-error.ts'

/** Inputs that are computed of a request, by the code that made them for the training. */

export interface Computing extends Subjects {
  readonly requested: Requested
  /** Those that the request does not bring. */
  readonly features: readonly PlannedFeature[]
  readonly bound: Bound
  readonly found: Pick<Found, 'reads'>
  /** The instant of rows that name none. */
  readonly now: number
}

/** What has to be read for features of a request: what they need, and it does not bring. */
export function readsOf(
  { plan, asked }: Requested,
  features: readonly PlannedFeature[],
  { columns }: Pick<Bound, 'columns'>,
): WantedRead[] {
  return plan.reads.flatMap(read => {
    const users = features.filter(({ needs }) => needs.includes(read.name))
    if (users.length === 0 || columns[positionsOf(asked.signature).get(read.name)!]) return []
    return [{ ...read, isStaleTaken: users.some(({ name }) => ruleOf(asked, name)?.stale === true) }]
  })
}

/** Values of what features are computed of, and whether some are too old; or why they are not known. */
type Known = { readonly values: ArrayLike<Value>; readonly isOld: boolean } | RequestError

/**
 * A column for each feature. One that cannot be computed, because something is not known or it is null for what was sent, is
 * filled where its rule says so. Throws `RequestError` that names the feature and the row.
 */
export function computeMissing(computing: Computing): Map<string, Column> {
  const { features } = computing
  const known = new Map<string, Known>()
  for (const { needs } of features)
    for (const name of needs) if (!known.has(name)) known.set(name, knownOf(computing, name))
  return new Map(features.map(feature => [feature.name, columnOf(computing, feature, known)]))
}

function columnOf({ requested, bound }: Computing, feature: PlannedFeature, known: ReadonlyMap<string, Known>): Column {
  const { name, view, needs } = feature
  const { asked } = requested
  const { datatype } = asked.signature.inputs[positionsOf(asked.signature).get(name)!]!
  const rule = ruleOf(asked, name)
  const filling = rule && fillingOf(rule, datatype)
  const fill = (): void => void (bound.filled.at(-1) !== name && bound.filled.push(name))
  const unknown = needs.map(each => known.get(each)!).find(each => each instanceof RequestError)
  if (unknown) {
    if (filling === undefined) throw unknown
    fill()
    return Array.from({ length: bound.rows }, () => filling)
  }
  const values = needs.map(each => known.get(each) as Exclude<Known, RequestError>)
  if (values.some(({ isOld }) => isOld)) fill()
  return computeFeature(feature, bound.rows, each => values[needs.indexOf(each)]!.values).map((value, row) => {
    if (value !== null) return requireValue(typeof value === 'boolean' ? Number(value) : value, datatype, { name, row })
    if (filling === undefined)
      throw badRequest(
        `Feature ${name} of request view ${view}, row ${row + 1}: it is null for what is known of the row.`,
        'missing',
      )
    fill()
    return filling
  })
}

function knownOf(computing: Computing, name: string): Known {
  const { requested, features, bound, found, keys, at, now } = computing
  const { plan, asked } = requested
  const of = (values: ArrayLike<Value>): Known => ({ values, isOld: false })
  const users = features.filter(({ needs }) => needs.includes(name)).map(each => each.name)
  const column = [...plan.columns, ...plan.reads].find(each => each.name === name)
  if (!column) {
    if (name === eventTime) return of(at ?? Array.from({ length: bound.rows }, () => now))
    return keys ? of(keys) : keysWanted(users.join(', '), asked.service!)
  }
  const given = bound.columns[positionsOf(asked.signature).get(name)!]
  if (given) return of(Array.from(given, (value, row) => valueOf(value, column.type, { name, row })))
  const read = found.reads.get(name)
  if (read) return read
  const filling = fillingFor(asked, name, column.type)
  if (filling === undefined)
    return badRequest(
      `Missing input: ${name} (${column.type}). It must be sent, or ${users.join(', ')}, which is computed of it.`,
      'missing',
    )
  bound.filled.push(name)
  return of(Array.from({ length: bound.rows }, () => filling))
}

const eventTime = 'event_time'

function fillingFor(asked: BundleManifest, name: string, type: ValueType): Value | undefined {
  const rule = ruleOf(asked, name)
  const filling = rule && fillingOf(rule, kinds[type])
  return filling === undefined ? undefined : valueOf(filling, type, { name, row: 0 })
}

/** A value as expressions have it. One that is sent as an input of the model was checked as such, and not as what it is here. */
function valueOf(value: Column[number], type: ValueType, { name, row }: { name: string; row: number }): Value {
  if (Number.isNaN(value)) return null
  const isInstant = type === 'date' || type === 'timestamp'
  const checked = isInstant ? value : checkValue(value, kinds[type])
  if (checked === undefined || typeof checked === 'bigint')
    throw badRequest(`Input ${name}, row ${row + 1}: ${show(value)} is not of type ${type}.`, 'type')
  return type === 'boolean' ? checked === 1 : checked
}
