import type { z } from 'zod'
import { durationMs } from '#kernel/duration.ts'
import { invalid, notFound } from '#kernel/error.ts'
import type { ProjectFile } from '#project'
import type { OnlineRow } from './online-store.ts'
import type { ServiceViewWire } from './wire.ts'

/** The features that a model is trained on and asked with, and the views they come from. All are of one entity. */
export type ServiceView = z.output<typeof ServiceViewWire>

/** One feature of a service. */
export interface ServiceFeature {
  readonly view: string
  /** Its column in the view. */
  readonly field: string
  /** Its name in the service: the column's, or `view__column` when two views have that column. */
  readonly name: string
}

export function serviceFeatures({ views }: ServiceView): ServiceFeature[] {
  const all = views.flatMap(({ view, fields }) => fields.map(field => ({ view, field })))
  const isTaken = (field: string): boolean => all.filter(other => other.field === field).length > 1
  return all.map(({ view, field }) => ({ view, field, name: isTaken(field) ? `${view}__${field}` : field }))
}

/**
 * The service as the project file declares it, against the columns that its views have. Throws `not_found` for a service
 * that is not declared, `invalid` for a feature that its view does not have.
 */
export function resolveDeclared(
  spec: ProjectFile,
  service: string,
  columnsOf: (view: string) => readonly string[],
): ServiceView {
  const declared = spec.services[service]
  if (!declared) throw notFound('service', `${spec.name}/${service}`)
  const wanted = new Map<string, Set<string>>()
  for (const reference of declared.features) {
    const [view = '', field] = reference.split(':')
    const columns = columnsOf(view)
    if (field !== undefined && !columns.includes(field)) {
      const problem = {
        field: `services.${service}.features`,
        value: reference,
        allowed: `a feature of ${view}: ${columns.join(', ')}`,
      }
      throw invalid(`View ${view} has no feature ${field}.`, [problem])
    }
    const fields = wanted.get(view) ?? new Set()
    for (const each of field === undefined ? columns : [field]) fields.add(each)
    wanted.set(view, fields)
  }
  const views = [...wanted].map(([view, fields]) => ({ view, fields: [...fields], ...maxAgeOf(spec, view) }))
  return { entityKey: keyOf(spec, views[0]!.view), views }
}

function maxAgeOf({ features }: ProjectFile, view: string): { maxAgeMs?: number } {
  const maxAge = features[view]?.maxAge
  return maxAge === undefined ? {} : { maxAgeMs: durationMs(maxAge) }
}

/** The column that identifies the entity of a view. Throws `not_found` for a view that is not declared. */
export function keyOf({ name, features, entities }: ProjectFile, view: string): string {
  const entity = entities[features[view]?.entity ?? '']
  if (!entity) throw notFound('feature view', `${name}/${view}`)
  return entity.key
}

/**
 * The rows of a service from those of its views, which are in the order of the keys. A row is as old as its oldest part
 * and as good as its worst one; what is not there is null.
 */
export function joinViews(
  service: ServiceView,
  keys: readonly string[],
  parts: readonly (readonly OnlineRow[])[],
): OnlineRow[] {
  const features = serviceFeatures(service)
  return keys.map((key, row) => {
    const found = parts.map(part => part[row]!)
    const values = features.map(({ view, field, name }) => {
      const part = found[service.views.findIndex(each => each.view === view)]!
      return [name, part.values[field] ?? null] as const
    })
    const statuses = found.map(part => part.status)
    const status = statuses.find(each => each === 'not_found') ?? statuses.find(each => each === 'expired') ?? 'present'
    const times = found.flatMap(part => (part.eventTime === undefined ? [] : [part.eventTime]))
    const oldest = times.length > 0 ? { eventTime: times.reduce((a, b) => (a < b ? a : b)) } : {}
    return { key, status, ...oldest, values: Object.fromEntries(values) }
  })
}
