import { TrainyardError } from '#kernel/error.ts'
import { numberOperators, parseOrder, textOperators, type Field, type Filter, type Language, type Order } from '#search'
import { fullNameOf, promptTag } from './registered-model.ts'

/** What may be searched for, and by what it may be ordered [MLflow: REST API]. */

const text: Field = { type: 'text', operators: [...textOperators, 'IN', 'NOT IN'] }
const tag: Field = { type: 'text', operators: textOperators }
const orderOnly: Field = { type: 'number', operators: [], orderable: true }
const entities = { attribute: 'attribute', attributes: 'attribute', tag: 'tag', tags: 'tag' }

export const modelLanguage: Language = {
  what: 'registered models',
  entities,
  bare: 'attribute',
  fields: {
    attribute: {
      keys: {
        name: { ...text, orderable: true },
        // Both mean the last update, as on MLflow's server.
        timestamp: { ...orderOnly, key: 'last_updated_timestamp' },
        last_updated_timestamp: orderOnly,
      },
    },
    tag: { any: tag },
  },
}

export const versionLanguage: Language = {
  what: 'model versions',
  entities,
  bare: 'attribute',
  fields: {
    attribute: {
      keys: {
        name: { ...text, orderable: true },
        version_number: { type: 'number', operators: numberOperators, quotedNumber: true, orderable: true },
        run_id: text,
        source_path: { type: 'text', operators: textOperators },
        creation_timestamp: orderOnly,
        last_updated_timestamp: orderOnly,
      },
    },
    tag: { any: tag },
  },
}

export const defaultModelOrder: readonly Order[] = [{ entity: 'attribute', key: 'name', descending: false }]
export const defaultVersionOrder: readonly Order[] = [
  { entity: 'attribute', key: 'last_updated_timestamp', descending: true },
  { entity: 'attribute', key: 'name', descending: false },
  { entity: 'attribute', key: 'version_number', descending: true },
]

/** An order whose fields differ: MLflow's registry refuses to be told the same twice. */
export function registryOrder(items: readonly string[], language: Language): readonly Order[] {
  const order = parseOrder(items, language)
  if (order.length === items.length) return order
  throw new TrainyardError('invalid', `\`order_by\` contains duplicate fields: ${JSON.stringify(items)}`, {
    problems: [{ field: 'order_by', value: items, allowed: 'each field once' }],
  })
}

/**
 * The filter of somebody who works in a project, to whom its models have names without it: each name that is compared
 * is also meant with the project before it.
 */
export function inWorkspace(filter: Filter | undefined, workspace: string): Filter | undefined {
  if (filter === undefined) return undefined
  const within = (part: Filter): Filter => inWorkspace(part, workspace)!
  if ('and' in filter) return { and: filter.and.map(within) }
  if ('or' in filter) return { or: filter.or.map(within) }
  const { entity, key, operator, value } = filter
  if (entity !== 'attribute' || key !== 'name' || value === undefined || typeof value === 'number') return filter
  if (operator === 'RLIKE') return filter
  const full = (name: string): string => fullNameOf(workspace, name)
  const both = [filter, { ...filter, value: typeof value === 'string' ? full(value) : value.map(full) }]
  return operator === '!=' || operator === 'NOT IN' ? { and: both } : { or: both }
}

/** Prompts are left out of every search that does not speak of their tag. */
export function mentionsPrompts(filter: Filter | undefined): boolean {
  if (filter === undefined) return false
  if ('and' in filter) return filter.and.some(mentionsPrompts)
  if ('or' in filter) return filter.or.some(mentionsPrompts)
  return filter.entity === 'tag' && filter.key === promptTag
}
