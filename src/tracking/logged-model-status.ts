import type { Filter } from '#search'
import { loggedModelStatuses } from './logged-model.ts'

/** A filter in which a status may be called by its short name, or by the number that MLflow keeps. */
export function withStatusNames(filter: Filter | undefined): Filter | undefined {
  if (filter === undefined) return undefined
  if ('and' in filter) return { and: filter.and.map(part => withStatusNames(part)!) }
  if ('or' in filter) return { or: filter.or.map(part => withStatusNames(part)!) }
  const { entity, key, operator, value } = filter
  if (entity !== 'attributes' || key !== 'status' || operator.endsWith('LIKE') || value === undefined) return filter
  return { ...filter, value: typeof value === 'object' ? value.map(statusOf) : statusOf(String(value)) }
}

const statusOf = (text: string): string => loggedModelStatuses[Number(text) - 1] ?? full(text)

const full = (text: string): string =>
  ({ PENDING: loggedModelStatuses[0], READY: loggedModelStatuses[1], FAILED: loggedModelStatuses[2] })[text] ?? text
