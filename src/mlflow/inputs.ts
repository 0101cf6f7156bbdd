import { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import type { Tracking } from '#tracking'
import { KeyValue, many, step } from './field.ts'
import type { Declare } from './route.ts'
import { onRun, RunId, runIdOf } from './run-scope.ts'

export type InputCallParts = Pick<Tracking, 'runs' | 'inputs'>

const base = '2.0/mlflow/runs'
/** Datasets, or models, of one request. */
const linksMax = 1_000

const DatasetInput = z.object({
  tags: many(KeyValue),
  dataset: z.object({
    name: z.string(),
    digest: z.string(),
    source_type: z.string(),
    source: z.string(),
    schema: z.string().optional(),
    profile: z.string().optional(),
  }),
})

/** What runs read and made. */
export const inputCalls =
  ({ runs, inputs }: InputCallParts) =>
  (declare: Declare): void => {
    declare({
      method: 'POST',
      path: `${base}/log-inputs`,
      input: z.object({
        ...RunId,
        datasets: many(DatasetInput, linksMax),
        models: many(z.object({ model_id: z.string() }), linksMax),
      }),
      may: onRun(runs)('edit'),
      async handle({ datasets, models, ...said }) {
        await inputs.addInputs(runIdOf(said), {
          datasets: datasets.map(({ tags, dataset: { source_type, ...dataset } }) => ({
            tags,
            dataset: { ...dataset, sourceType: source_type },
          })),
          models: models.map(({ model_id }) => model_id),
        })
        return {}
      },
    })

    declare({
      method: 'POST',
      path: `${base}/outputs`,
      input: z.object({
        ...RunId,
        models: many(z.object({ model_id: z.string(), step: step.default(0) }), linksMax),
      }),
      may: onRun(runs)('edit'),
      async handle({ models, ...said }) {
        const links = models.map(({ model_id, step }) => ({ model: model_id, step }))
        await inputs.addOutputs(runIdOf(said), links)
        return {}
      },
    })

    declare({
      method: 'POST',
      path: `${base}/log-model`,
      input: z.object({ ...RunId, model_json: z.string() }),
      may: onRun(runs)('edit'),
      async handle({ model_json, ...said }) {
        await runs.addModelHistory(runIdOf(said), modelOf(model_json))
        return {}
      },
    })
  }

/** The MLmodel of clients before 3.0. Throws `invalid` on text that is none. */
function modelOf(text: string): object {
  const model = parsed(text)
  const missing = ['artifact_path', 'flavors', 'utc_time_created', 'run_id'].find(field => !Object.hasOwn(model, field))
  if (missing !== undefined)
    throw invalid(`Model is missing mandatory fields: ['${missing}']`, [{ field: 'model_json', allowed: 'an MLmodel' }])
  return model
}

function parsed(text: string): object {
  try {
    const model: unknown = JSON.parse(text)
    if (model !== null && typeof model === 'object' && !Array.isArray(model)) return model
  } catch {
    // Told below, like JSON that is no object.
  }
  throw invalid(`Malformed model info. \n ${text.slice(0, 200)} \n is not a valid JSON.`)
}
