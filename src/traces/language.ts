import { numberOperators, textOperators, type Field, type Language, type Operator } from '#search'

const words: readonly Operator[] = [...textOperators, 'RLIKE', 'IN', 'NOT IN']
/** What a span or an assessment is like: of something that is not there, nothing is asked. */
const present = words.filter(operator => !operator.startsWith('IS '))

const text: Field = { type: 'text', operators: words, orderable: true }
const number: Field = { type: 'number', operators: numberOperators, orderable: true }
const inside: Field = { type: 'text', operators: ['LIKE', 'ILIKE', 'RLIKE'] }
/** A value as JSON: a number is compared as one. */
const ofAssessment: Field = { type: 'text', operators: words, numeric: ['<', '<=', '>', '>='] }
const ofSpan: Field = { type: 'text', operators: present }

/** How traces are searched: MLflow's language, with absence and OR. */
export const traceLanguage: Language = {
  what: 'traces',
  bare: 'attribute',
  entities: {
    attribute: 'attribute',
    attributes: 'attribute',
    trace: 'attribute',
    tag: 'tag',
    tags: 'tag',
    metadata: 'metadata',
    request_metadata: 'metadata',
    span: 'span',
    feedback: 'feedback',
    expectation: 'expectation',
    issue: 'issue',
  },
  fields: {
    attribute: {
      keys: {
        timestamp_ms: number,
        timestamp: { ...number, key: 'timestamp_ms' },
        execution_time_ms: number,
        execution_time: { ...number, key: 'execution_time_ms' },
        end_time_ms: number,
        end_time: { ...number, key: 'end_time_ms' },
        status: text,
        state: { ...text, key: 'status' },
        request_id: text,
        trace_id: { ...text, key: 'request_id' },
        client_request_id: text,
        experiment_id: { type: 'text', operators: [], orderable: true },
        name: text,
        run_id: text,
        prompt: { type: 'text', operators: ['='] },
        text: inside,
      },
    },
    tag: { any: text },
    metadata: { any: text },
    span: {
      keys: { name: ofSpan, type: ofSpan, status: ofSpan, content: inside },
      prefixes: { 'attributes.': ofSpan },
    },
    feedback: { any: ofAssessment },
    expectation: { any: ofAssessment },
    issue: { keys: { id: { type: 'text', operators: ['='] } } },
  },
}

/** How evaluation datasets are searched. */
export const datasetLanguage: Language = {
  what: 'evaluation datasets',
  bare: 'attribute',
  entities: { attribute: 'attribute', attributes: 'attribute', tag: 'tag', tags: 'tag' },
  fields: {
    attribute: {
      keys: {
        name: { type: 'text', operators: [...textOperators, 'IN'], orderable: true },
        created_by: { type: 'text', operators: textOperators },
        last_updated_by: { type: 'text', operators: textOperators },
        created_time: number,
        last_update_time: number,
      },
    },
    tag: { any: { type: 'text', operators: textOperators } },
  },
}
