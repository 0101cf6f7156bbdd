import { invalid, notFound } from '#kernel/error.ts'
import type { PlatformTask } from '#workflow'
import { predictBatch, type BatchParts } from './batch.ts'
import type { Serving } from './serving.ts'

/** What pipelines may use: `serving.predict`, predictions for all rows of a table. */
export const servingTasks = (
  parts: Omit<BatchParts, 'ask'> & { serving: Pick<Serving, 'ask' | 'projectOf'> },
): Readonly<Record<'serving.predict', PlatformTask>> => ({
  async 'serving.predict'({ run, task, params, inputs, signal, log }) {
    const deployment = params['deployment'] as string
    // A name is of one project of the platform, whichever files declare it.
    if ((await parts.serving.projectOf(deployment)) !== run.project) throw notFound('deployment', deployment)
    const digest = inputs['rows']?.digest
    if (!digest)
      throw invalid('There is nothing to predict.', [
        { field: `${task}.inputs.rows`, allowed: 'the output of a task that writes a table' },
      ])
    const format = params['format'] === 'csv' ? 'csv' : 'parquet'
    const { rows, ...blob } = await predictBatch(
      { ...parts, ask: parts.serving.ask },
      { deployment, rows: digest, format, signal, log },
    )
    return { outputs: { predictions: { ...blob, value: rows } }, metrics: { rows } }
  },
})
