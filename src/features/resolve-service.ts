import { durationMs } from '#kernel/duration.ts'
import { invalid, notFound, type TrainyardError } from '#kernel/error.ts'
import type { ProjectFile, Projects, Revision } from '#project'
import type { ValueType } from './expression/expression.ts'
import { readRequestView, type RequestView } from './request-view.ts'
import { readRules, type Rules } from './rules.ts'
import { keyOf, named, serviceFeatures, type ServiceView } from './service.ts'

/** What is known of the columns of views, and of the files of request views, when a service is resolved. */
export interface Resolving {
  /** The features of a view, with their types. */
  columnsOf(view: string): readonly { readonly name: string; readonly type: string }[]
  rulesOf(requestView: string): Rules
}

/**
 * The service as the project file declares it, against the columns that its views have. Throws `not_found` for a service
 * that is not declared, `invalid` for a feature that its view does not have, and for a file that cannot be read.
 */
export function resolveDeclared(spec: ProjectFile, service: string, resolving: Resolving): ServiceView {
  const declared = spec.services[service]
  if (!declared) throw notFound('service', `${spec.name}/${service}`)
  const entityKey = keyOf(spec, declared.features[0]!.split(':')[0]!)
  const requests = new Map(
    requestViewsOf(spec, service).map(view => [view, requestView(spec, view, { ...resolving, entityKey })]),
  )
  const wanted = wantedFields(declared.features, `services.${service}.features`, view =>
    requests.has(view)
      ? readRequestView(requests.get(view)!, entityKey).map(({ name }) => name)
      : resolving.columnsOf(view).map(({ name }) => name),
  )
  const views = [...wanted].filter(([view]) => !requests.has(view))
  const chosen = [...requests].map(([view, request]) => ({ ...request, fields: wanted.get(view)! }))
  const resolved = {
    entityKey,
    views: views.map(([view, fields]) => ({ view, fields, ...maxAgeOf(spec, view) })),
    ...(chosen.length > 0 && { requests: chosen }),
  }
  requireClear(resolved)
  return resolved
}

/** The files of the request views of a service, by view, as they are in a revision. */
export async function readRequestRules(
  projects: Pick<Projects, 'file'>,
  revision: Revision,
  service: string,
): Promise<ReadonlyMap<string, Rules>> {
  const read = requestViewsOf(revision.spec, service).map(
    async view => [view, await readRules(projects, revision, revision.spec.requestFeatures![view]!.compute)] as const,
  )
  return new Map(await Promise.all(read))
}

/** The request views of a service that is declared. */
function requestViewsOf({ requestFeatures = {}, services }: ProjectFile, service: string): string[] {
  const names = services[service]?.features.map(reference => reference.split(':')[0]!) ?? []
  return [...new Set(names)].filter(name => Object.hasOwn(requestFeatures, name))
}

function requestView(
  spec: ProjectFile,
  view: string,
  { columnsOf, rulesOf, entityKey }: Resolving & { entityKey: string },
): RequestView {
  const { columns, features } = spec.requestFeatures![view]!
  const { path, text: sql } = rulesOf(view)
  const fields = wantedFields(features, `requestFeatures.${view}.features`, name =>
    columnsOf(name).map(column => column.name),
  )
  const reads = [...fields].flatMap(([name, wanted]) =>
    wanted.map(field => ({
      view: name,
      field,
      type: columnsOf(name).find(column => column.name === field)!.type as ValueType,
      ...maxAgeOf(spec, name),
    })),
  )
  return { view, path, sql, columns, reads: named(reads, [...Object.keys(columns), entityKey]), fields: [] }
}

/** The features that are meant by references, by view. Throws `invalid` for one that its view does not have. */
function wantedFields(
  references: readonly string[],
  place: string,
  columnsOf: (view: string) => readonly string[],
): Map<string, string[]> {
  const wanted = new Map<string, Set<string>>()
  for (const reference of references) {
    const [view = '', field] = reference.split(':')
    const columns = columnsOf(view)
    if (field !== undefined && !columns.includes(field))
      throw unknownFeature({ place, reference, view, field, columns })
    const fields = wanted.get(view) ?? new Set()
    for (const each of field === undefined ? columns : [field]) fields.add(each)
    wanted.set(view, fields)
  }
  return new Map([...wanted].map(([view, fields]) => [view, [...fields]]))
}

interface Unknown {
  readonly place: string
  readonly reference: string
  readonly view: string
  readonly field: string
  readonly columns: readonly string[]
}

const unknownFeature = ({ place, reference, view, field, columns }: Unknown): TrainyardError =>
  invalid(`View ${view} has no feature ${field}.`, [
    { field: place, value: reference, allowed: `a feature of ${view}: ${columns.join(', ')}` },
  ])

/** A request has one column of a name, whichever views compute of it, and it is no feature that is looked up. */
function requireClear(service: ServiceView): void {
  const { views, requests = [] } = service
  const looked = serviceFeatures(service).filter(({ view }) => views.some(each => each.view === view))
  const known = new Map<string, { type: ValueType; view: string }>()
  for (const { view, columns } of requests)
    for (const [name, type] of Object.entries(columns)) {
      const field = `requestFeatures.${view}.columns.${name}`
      const [feature, other] = [looked.find(each => each.name === name), known.get(name)]
      if (feature)
        throw invalid('A column of the request is called as a feature that is looked up.', [
          { field, value: name, allowed: `another name: the service has it of ${feature.view}` },
        ])
      if (other && other.type !== type)
        throw invalid(`Two request views take ${name} for different things.`, [
          { field, value: type, allowed: `${other.type}, as in ${other.view}` },
        ])
      known.set(name, { type, view })
    }
}

function maxAgeOf({ features }: ProjectFile, view: string): { maxAgeMs?: number } {
  const maxAge = features[view]?.maxAge
  return maxAge === undefined ? {} : { maxAgeMs: durationMs(maxAge) }
}
