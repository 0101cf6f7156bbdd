import type { z } from 'zod'
import { notFound } from '#kernel/error.ts'
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

/** Those that are looked up, and then those that are computed of a request. */
export function serviceFeatures({ views, requests = [] }: ServiceView): ServiceFeature[] {
  return named([...views, ...requests].flatMap(({ view, fields }) => fields.map(field => ({ view, field }))))
}

/** Names of features of views: a field's own, and with its view when others have it, or it is taken. */
export function named<Field extends { readonly view: string; readonly field: string }>(
  all: readonly Field[],
  taken: readonly string[] = [],
): (Field & { name: string })[] {
  const isTaken = (field: string): boolean =>
    taken.includes(field) || all.filter(other => other.field === field).length > 1
  return all.map(each => ({ ...each, name: isTaken(each.field) ? `${each.view}__${each.field}` : each.field }))
}

/** The column that identifies the entity of a view, or of a request view. Throws `not_found` for one that is not declared. */
export function keyOf({ name, features, requestFeatures, entities }: ProjectFile, view: string): string {
  const entity = entities[(features[view] ?? requestFeatures?.[view])?.entity ?? '']
  if (!entity) throw notFound('feature view', `${name}/${view}`)
  return entity.key
}

/**
 * The rows of a service from those of its views, which are in the order of the keys. A row is as old as its oldest part
 * and as good as its worst one; what is not there is null. What is computed of requests is not among them.
 */
export function joinViews(
  service: ServiceView,
  keys: readonly string[],
  parts: readonly (readonly OnlineRow[])[],
): OnlineRow[] {
  const { views } = service
  const features = serviceFeatures(service).filter(({ view }) => views.some(each => each.view === view))
  return keys.map((key, row) => {
    const found = parts.map(part => part[row]!)
    const values = features.map(({ view, field, name }) => {
      const part = found[views.findIndex(each => each.view === view)]!
      return [name, part.values[field] ?? null] as const
    })
    const statuses = found.map(part => part.status)
    const status = statuses.find(each => each === 'not_found') ?? statuses.find(each => each === 'expired') ?? 'present'
    const times = found.flatMap(part => (part.eventTime === undefined ? [] : [part.eventTime]))
    const oldest = times.length > 0 ? { eventTime: times.reduce((a, b) => (a < b ? a : b)) } : {}
    return { key, status, ...oldest, values: Object.fromEntries(values) }
  })
}
