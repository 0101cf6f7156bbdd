import { invalid, notFound } from '#kernel/error.ts'
import type { PlatformTask, TaskCall } from '#workflow'
import { loadSql, type LoadMode } from '#data'
import type { Secrets } from '#secrets'
import { openProgress, type ProgressParts } from './batch-progress.ts'
import { predictBatch, type BatchParts } from './batch.ts'
import type { Serving } from './serving.ts'

/** What pipelines may use: `serving.predict`, predictions for all rows of a table. */
export const servingTasks = (
  parts: Omit<BatchParts, 'ask'> &
    ProgressParts & {
      readonly serving: Pick<Serving, 'ask' | 'projectOf'>
      readonly secrets: Pick<Secrets, 'use'>
    },
): Readonly<Record<'serving.predict', PlatformTask>> => ({
  async 'serving.predict'(call) {
    const { run, task, params, inputs, signal, log } = call
    const sink = sinkOf(call)
    const deployment = params['deployment'] as string
    // A name is of one project of the platform, whichever files declare it.
    if ((await parts.serving.projectOf(deployment)) !== run.project) throw notFound('deployment', deployment)
    const digest = inputs['rows']?.digest
    if (!digest)
      throw invalid('There is nothing to predict.', [
        { field: `${task}.inputs.rows`, allowed: 'the output of a task that writes a table' },
      ])
    const format = params['format'] === 'csv' ? 'csv' : 'parquet'
    const progress = await openProgress(parts, { ...call, question: { rows: digest, deployment } })
    const { rows, ...blob } = await predictBatch(
      { ...parts, ask: parts.serving.ask },
      { deployment, rows: digest, format, signal, log, progress },
    )
    if (sink) {
      const file = await parts.blobs.path(blob.digest)
      const loaded = await loadSql(parts, { ...sink, file, project: run.project, signal })
      log(loaded === 0 ? `${sink.table} has the rows of this run already.` : `${loaded} rows are in ${sink.table}.`)
    }
    await progress.end()
    return { outputs: { predictions: { ...blob, value: rows } }, metrics: { rows } }
  },
})

/** The table that predictions go to as well; undefined without one. Throws `invalid` for half of it. */
function sinkOf({ run, task, params }: TaskCall) {
  const { secret, table, write = 'append' } = params as { secret?: string; table?: string; write?: LoadMode }
  if (secret === undefined && table === undefined) return undefined
  if (secret === undefined || table === undefined)
    throw invalid('The predictions have half a place to go to.', [
      {
        field: `${task}.params.${secret === undefined ? 'secret' : 'table'}`,
        allowed: 'a secret with the address of a database, and a table: both or neither',
      },
    ])
  return { secret, table, mode: write, key: `${run.id}/${task}`, by: `table ${table} of the task ${task}` }
}
