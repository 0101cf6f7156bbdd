import { numberOperators, textOperators, type Language } from './language.ts'

/** A language with every form that one can have, for tests: MLflow's of runs, and parts of that of traces. */
export const exampleLanguage: Language = {
  what: 'runs',
  entities: {
    metric: 'metric',
    metrics: 'metric',
    param: 'param',
    params: 'param',
    tags: 'tag',
    attribute: 'attribute',
    attributes: 'attribute',
    span: 'span',
  },
  bare: 'attribute',
  fields: {
    metric: { any: { type: 'number', operators: numberOperators, orderable: true } },
    param: { any: { type: 'text', operators: textOperators, orderable: true } },
    tag: { any: { type: 'text', operators: [...textOperators, 'RLIKE'], orderable: true } },
    attribute: {
      keys: {
        run_id: { type: 'text', operators: ['=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'], orderable: true },
        status: { type: 'text', operators: textOperators, orderable: true },
        start_time: { type: 'number', operators: numberOperators, orderable: true },
        created: { type: 'number', operators: numberOperators, orderable: true, key: 'start_time' },
        'run name': { type: 'text', operators: textOperators, key: 'run_name' },
        version_number: { type: 'number', operators: ['=', '<'], quotedNumber: true },
      },
    },
    span: {
      keys: { name: { type: 'text', operators: ['='] } },
      prefixes: { 'attributes.': { type: 'text', operators: ['=', 'LIKE'] } },
    },
  },
}
