import type { OnlineRow, ServiceFeature } from '#features'
import type { PlannedRead, Value } from '#features/request.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Tensor } from '#registry'
import type { BundleManifest, ServiceView } from '../bundle.ts'
import { fillingOf, requireValue, ruleOf, show, type Column } from './bind.ts'
import type { OnlineFeatures } from './online.ts'
import { badRequest, RequestError } from './request-error.ts'

/** Who the rows of a request are about, and as of when: the request's `entity` and `event_time`. */
export interface Subjects {
  /** A key for each row, or undefined when the request names none. */
  readonly keys: readonly string[] | undefined
  /** Milliseconds since the epoch for each row, or undefined for now. */
  readonly at: readonly number[] | undefined
}

const keyMax = 200

/**
 * Reads `parameters.entity` and `parameters.event_time`: one value for all rows or a list with one for each, as JSON or,
 * since the protocol knows only flat parameters, as JSON in a text. An instant is in milliseconds or ISO 8601.
 */
export function readSubjects(parameters: unknown): Subjects {
  if (parameters === undefined) return { keys: undefined, at: undefined }
  if (parameters === null || typeof parameters !== 'object' || Array.isArray(parameters))
    throw badRequest(`"parameters" must be an object, not ${show(parameters)}.`)
  const { entity, event_time: eventTime } = parameters as Record<string, unknown>
  return { keys: listOf(entity)?.map(requireKey), at: listOf(eventTime)?.map(requireInstant) }
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined) return undefined
  if (Array.isArray(value)) return value
  if (typeof value !== 'string' || !value.startsWith('[')) return [value]
  try {
    return JSON.parse(value) as unknown[]
  } catch {
    return [value]
  }
}

function requireKey(key: unknown): string {
  if (typeof key === 'number') return String(key)
  if (typeof key === 'string' && key.length > 0 && key.length <= keyMax) return key
  throw badRequest(`Parameter entity: ${show(key)} is not a key, a text of 1 to ${keyMax} characters.`)
}

function requireInstant(instant: unknown): number {
  const at = typeof instant === 'string' ? Date.parse(instant) : instant
  if (typeof at === 'number' && Number.isSafeInteger(at)) return at
  throw badRequest(`Parameter event_time: ${show(instant)} is not an instant: milliseconds since 1970, or ISO 8601.`)
}

/** One value for each row: a list as long as there are rows, or one value for all. */
export function perRow<Value>(
  name: string,
  values: readonly Value[] | undefined,
  rows: number,
): readonly Value[] | undefined {
  if (values === undefined || values.length === rows) return values
  if (values.length === 1) return Array.from({ length: rows }, () => values[0]!)
  throw badRequest(`Parameter ${name} has ${values.length} values for ${rows} rows.`)
}

export interface Lookup {
  readonly project: string
  readonly model: Pick<BundleManifest, 'signature' | 'service' | 'inputs' | 'lookupMs'>
  /** The inputs that the request leaves out, and that are not computed. */
  readonly missing: readonly Tensor[]
  /** What is read to compute others with. */
  readonly reads: readonly WantedRead[]
  readonly rows: number
  readonly keys: readonly string[] | undefined
  readonly at: readonly number[] | undefined
  /** On the clock of `performance.now()`: nobody waits for the answer after it. */
  readonly until: number
  /** Told of inputs that are filled as their rules say, because they are not there. */
  readonly filled: string[]
}

/** A feature that is read to compute others with. */
export interface WantedRead extends PlannedRead {
  /** Whether one that is too old is better than none. */
  readonly isStaleTaken: boolean
}

/** What was read: null where there is nothing, as in a training set. */
export interface ReadValues {
  readonly values: readonly Value[]
  /** Some are too old, and taken all the same. */
  readonly isOld: boolean
}

export interface Found {
  /** By input. */
  readonly columns: Map<string, Column>
  /** By the read's name; why nothing is known where the store is not asked, or does not answer in time. */
  readonly reads: Map<string, ReadValues | RequestError>
  /** By view, when what was found of it became true: for each row, undefined where nothing was. */
  readonly times: Map<string, readonly (number | undefined)[]>
}

/**
 * Reads what is missing of each row from the online store, as of the row's instant; an input that is not there is filled
 * where its rule says so. Throws `RequestError` that names the first input which is not there, for which key and why.
 */
export async function lookUp(online: OnlineFeatures | undefined, lookup: Lookup): Promise<Found> {
  const { model, missing, reads, keys, rows } = lookup
  const { service } = model
  const found: Found = { columns: new Map(), reads: new Map(), times: new Map() }
  const needed = missing.filter(({ name, datatype }) => fillingFor(model, { name, datatype }) === undefined)
  const list = needed.map(({ name }) => name).join(', ')
  if ((!service || !online) && list !== '')
    throw badRequest(`Missing inputs: ${list}. This deployment looks no features up.`, 'missing')
  const features = service && online ? await online.features(service).catch(unavailable) : []
  const unknown = needed.find(({ name }) => !features.some(feature => feature.name === name))
  if (unknown)
    throw badRequest(
      `Missing input: ${unknown.name}. It is in no feature view of the service, so it must be sent.`,
      'missing',
    )
  if (!keys && list !== '') throw keysWanted(list, service!)
  const wanted = features.flatMap(feature => {
    const input = keys && missing.find(({ name }) => name === feature.name)
    return input ? [{ ...feature, datatype: input.datatype }] : []
  })
  const unasked = whyUnasked(online, lookup)
  for (const { name } of unasked ? reads : []) found.reads.set(name, unasked!)
  const views = viewsOf(service, wanted, unasked ? [] : reads)
  const read = await Promise.all(views.map(each => readFeatures(online!, lookup, each)))
  for (const [index, { view, own, reads: others }] of views.entries()) {
    const viewRows = read[index]!
    found.times.set(
      view.view,
      viewRows.rows.map(({ eventTime, values }) => (isEmpty(values) ? undefined : eventTime)),
    )
    for (const feature of own) found.columns.set(feature.name, columnOf(feature, viewRows, lookup))
    for (const other of others)
      found.reads.set(other.name, viewRows.away && !other.isStaleTaken ? viewRows.away : valuesOf(other, viewRows))
  }
  for (const { name, datatype } of missing) {
    if (found.columns.has(name)) continue
    lookup.filled.push(name)
    found.columns.set(
      name,
      Array.from({ length: rows }, () => fillingFor(model, { name, datatype })!),
    )
  }
  return found
}

/** Why nothing can be read, where that is so. */
function whyUnasked(online: OnlineFeatures | undefined, { model, reads, keys }: Lookup): RequestError | undefined {
  const list = reads.map(({ name }) => name).join(', ')
  if (!model.service || !online)
    return badRequest(`Missing inputs: ${list}. This deployment looks no features up.`, 'missing')
  return keys ? undefined : keysWanted(list, model.service)
}

export const keysWanted = (list: string, { entityKey }: ServiceView): RequestError =>
  badRequest(
    `Missing inputs: ${list}. Send them, or name the ${entityKey} in parameters.entity to have them looked up.`,
    'missing',
  )

/** What is asked of a view. */
interface WantedView {
  readonly view: ServiceView['views'][number]
  readonly own: readonly WantedFeature[]
  readonly reads: readonly WantedRead[]
}

/** Each view once from which something is wanted. */
function viewsOf(
  service: ServiceView | null,
  wanted: readonly WantedFeature[],
  reads: readonly WantedRead[],
): readonly WantedView[] {
  const others = reads.map(({ view, maxAgeMs }) => ({ view, fields: [], maxAgeMs }))
  const all = [...(service?.views ?? []), ...others]
  return all.flatMap((view, at) => {
    if (all.findIndex(other => other.view === view.view) < at) return []
    const isOf = (each: { readonly view: string }): boolean => each.view === view.view
    const [own, read] = [wanted.filter(isOf), reads.filter(isOf)]
    return own.length + read.length > 0 ? [{ view, own, reads: read }] : []
  })
}

function valuesOf({ field, isStaleTaken }: WantedRead, { rows }: ViewRows): ReadValues {
  const isTaken = ({ status }: OnlineRow): boolean => status === 'present' || (status === 'expired' && isStaleTaken)
  return {
    values: rows.map(row => (isTaken(row) ? (row.values[field] ?? null) : null)),
    isOld: rows.some(({ status }) => status === 'expired' && isStaleTaken),
  }
}

const fillingFor = (model: Lookup['model'], { name, datatype }: { name: string; datatype: string }) => {
  const rule = ruleOf(model, name)
  return rule && fillingOf(rule, datatype)
}

/** Values that are too old for everybody are withheld. */
const isEmpty = (values: OnlineRow['values']): boolean => Object.keys(values).length === 0

type WantedFeature = ServiceFeature & { readonly datatype: string }

const staysUsable = ({ model }: Lookup, name: string): boolean => ruleOf(model, name)?.stale === true

/** The rows of a view for those of the request; where they are not there, why. */
interface ViewRows {
  readonly rows: readonly OnlineRow[]
  /** The store did not answer, or not in time: the rows are those that were read before. */
  readonly away?: RequestError
}

async function readFeatures(
  online: OnlineFeatures,
  lookup: Lookup,
  { view, own, reads }: WantedView,
): Promise<ViewRows> {
  const { project, keys, at } = lookup
  const withExpired =
    own.some(({ name }) => staysUsable(lookup, name)) || reads.some(({ isStaleTaken }) => isStaleTaken)
  const place = `${project}/${view.view}`
  try {
    const rows = await inTime(budgetOf(lookup), readView(online, lookup, { ...view, withExpired }))
    if (withExpired) online.recent.remember(place, rows)
    return { rows }
  } catch (error) {
    if (!(error instanceof RequestError) || error.status !== 503) throw error
    const rows = keys!.map((key, row): OnlineRow => {
      const known = withExpired ? online.recent.recall(place, key, at?.[row]) : undefined
      return known ? { ...known, status: 'expired' } : { key, status: 'not_found', values: {} }
    })
    return { rows, away: error }
  }
}

/** How long a look-up may take, in whole milliseconds: as long as the model allows, and the request still has. */
const budgetOf = ({ model, until }: Lookup): number =>
  Math.max(1, Math.min(model.lookupMs ?? Infinity, Math.ceil(until - performance.now())))

/** What is asked, unless it takes longer than it may. */
async function inTime<Value>(budgetMs: number, asked: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new RequestError('unavailable', `The online feature store did not answer in ${budgetMs} ms.`)),
      budgetMs,
    )
  })
  // Whoever loses the race is not asked any more.
  asked.catch(() => {})
  return Promise.race([asked, late]).finally(() => clearTimeout(timer))
}

/** The values of a feature; what is not there is an old value or a filling where its rule says so. Throws `RequestError`. */
function columnOf(feature: WantedFeature, { rows, away }: ViewRows, lookup: Lookup): Column {
  const { name, field, view, datatype } = feature
  const { model, filled } = lookup
  const filling = fillingFor(model, feature)
  const isStaleTaken = staysUsable(lookup, name)
  return rows.map(({ key, status, values: found }, row) => {
    const isOld = status === 'expired' && isStaleTaken
    const value = status === 'present' || isOld ? (found[field] ?? undefined) : undefined
    if ((value === undefined || isOld) && filled.at(-1) !== name) filled.push(name)
    if (value !== undefined)
      return requireValue(typeof value === 'boolean' ? Number(value) : value, datatype, { name, row })
    if (filling !== undefined) return filling
    throw (
      away ??
      badRequest(
        `Feature ${name} of view ${view} for ${model.service!.entityKey} ${show(key)}: ${reasons[status]}. Send it as an input, or bring the feature store up to date.`,
        'missing',
      )
    )
  })
}

const reasons = {
  present: 'its value is missing',
  not_found: 'there is no row',
  expired: 'the newest row is too old',
} as const

function unavailable(error: unknown): never {
  throw new RequestError(
    'unavailable',
    `The online feature store does not answer: ${error instanceof Error ? error.message : String(error)}`,
  )
}

/** A row of the view for each row of the request: one read for each distinct instant. */
async function readView(
  online: OnlineFeatures,
  { project, keys, at }: Lookup,
  { view, maxAgeMs, withExpired }: ServiceView['views'][number] & { readonly withExpired: boolean },
): Promise<OnlineRow[]> {
  const instants = [...new Set(at ?? [undefined])]
  const rows: OnlineRow[] = Array.from({ length: keys!.length })
  for (const instant of instants) {
    const chosen = keys!.map((_, row) => row).filter(row => at === undefined || at[row] === instant)
    const distinct = [...new Set(chosen.map(row => keys![row]!))]
    const answers = await online
      .read({ project, view, keys: distinct, at: instant as Millis | undefined, maxAgeMs, withExpired })
      .catch(unavailable)
    for (const row of chosen) rows[row] = answers[distinct.indexOf(keys![row]!)]!
  }
  return rows
}
