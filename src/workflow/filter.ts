import type { TriggerSpec } from '#project'

type Where = NonNullable<Extract<TriggerSpec, { on: 'event' }>['where']>
type Condition = Where[string]

/** Whether data holds all that is asked of it. What is not there is equal to nothing, and not equal to anything. */
export const matches = (where: Where | undefined, data: unknown): boolean =>
  Object.entries(where ?? {}).every(([path, condition]) => holds(condition, valueAt(data, path)))

function holds(condition: Condition, value: unknown): boolean {
  if (Array.isArray(condition)) return condition.includes(value as never)
  if (typeof condition !== 'object') return value === condition
  const { not, gt, gte, lt, lte } = condition
  if (not !== undefined && value === not) return false
  const bounds = [gt, gte, lt, lte].some(bound => bound !== undefined)
  if (!bounds) return true
  return (
    typeof value === 'number' &&
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
  )
}

/** `commits.0.author.name`: fields and places in lists. */
function valueAt(data: unknown, path: string): unknown {
  let found = data
  for (const part of path.split('.')) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, part)) return undefined
    found = (found as Readonly<Record<string, unknown>>)[part]
  }
  return found
}
