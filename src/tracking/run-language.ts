import { numberOperators, textOperators, type Field, type Language } from '#search'

const text: Field = { type: 'text', operators: textOperators, orderable: true }
const number: Field = { type: 'number', operators: numberOperators, orderable: true }
const listed: Field = { type: 'text', operators: [...textOperators, 'IN', 'NOT IN'] }
const runName = { ...text, key: 'run_name' }

/** What may be said in a search of runs: MLflow's words, which are canonical here too. */
export const runLanguage: Language = {
  what: 'runs',
  entities: {
    metric: 'metrics',
    metrics: 'metrics',
    param: 'params',
    params: 'params',
    parameter: 'params',
    parameters: 'params',
    tag: 'tags',
    tags: 'tags',
    attribute: 'attributes',
    attributes: 'attributes',
    attr: 'attributes',
    run: 'attributes',
    dataset: 'datasets',
    datasets: 'datasets',
  },
  bare: 'attributes',
  fields: {
    metrics: { any: number },
    params: { any: text },
    tags: { any: text },
    attributes: {
      keys: {
        run_id: { ...listed, orderable: true },
        run_name: text,
        'run name': runName,
        'Run name': runName,
        'Run Name': runName,
        status: text,
        artifact_uri: text,
        user_id: text,
        start_time: number,
        created: { ...number, key: 'start_time' },
        Created: { ...number, key: 'start_time' },
        end_time: number,
      },
    },
    datasets: { keys: { name: listed, digest: listed, context: listed } },
  },
}
