import { numberOperators, textOperators, type Language } from '#search'

const instant = { type: 'number', operators: numberOperators, orderable: true } as const
const text = { type: 'text', operators: textOperators } as const

/** What may be said in a search of experiments. */
export const experimentLanguage: Language = {
  what: 'experiments',
  entities: { attribute: 'attributes', attributes: 'attributes', attr: 'attributes', tag: 'tags', tags: 'tags' },
  bare: 'attributes',
  fields: {
    attributes: {
      keys: {
        name: { ...text, orderable: true },
        creation_time: instant,
        last_update_time: instant,
        // An order only: MLflow has no conditions on it.
        experiment_id: { type: 'text', operators: [], orderable: true },
      },
    },
    tags: { any: text },
  },
}
