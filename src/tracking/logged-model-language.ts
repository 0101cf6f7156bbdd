import { numberOperators, textOperators, type Language, type Operator } from '#search'

const text: readonly Operator[] = [...textOperators, 'IN', 'NOT IN']
const instant = { type: 'number', operators: numberOperators } as const
const word = { type: 'text', operators: text } as const

/** What may be said of logged models. Keys are the columns' own names. */
export const loggedModelLanguage: Language = {
  what: 'logged models',
  entities: { attributes: 'attributes', metrics: 'metrics', params: 'params', tags: 'tags' },
  bare: 'attributes',
  fields: {
    attributes: {
      keys: {
        name: word,
        model_id: { ...word, key: 'id' },
        model_type: word,
        status: word,
        source_run_id: { ...word, key: 'source_run' },
        creation_timestamp: { ...instant, key: 'created_at' },
        creation_time: { ...instant, key: 'created_at' },
        last_updated_timestamp: { ...instant, key: 'updated_at' },
        last_updated_time: { ...instant, key: 'updated_at' },
      },
    },
    metrics: { any: { type: 'number', operators: numberOperators } },
    params: { any: { type: 'text', operators: text } },
    tags: { any: { type: 'text', operators: text } },
  },
}

/** The column of an attribute as an order names it; undefined when there is none. */
export function orderColumn(field: string): string | undefined {
  const { attributes } = loggedModelLanguage.fields
  const name = field.replace(/^attributes\./, '').replace(/_timestamp_ms$/, '_timestamp')
  const keys = attributes && 'keys' in attributes ? attributes.keys : {}
  return Object.hasOwn(keys, name) ? (keys[name]!.key ?? name) : undefined
}

export const orderNames =
  'metrics.<key>, name, model_id, model_type, status, source_run_id, creation_timestamp, last_updated_timestamp'
