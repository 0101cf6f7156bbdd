import { z } from 'zod'
import type { Millis } from '#kernel/clock.ts'
import { parseFilter, parseOrder } from '#search'
import {
  defaultExperiment,
  runLanguage,
  runStatuses,
  type RunDocument,
  type Tracking,
  type TrackingRun,
  experimentResource,
} from '#tracking'
import { readable } from './experiment-scope.ts'
import { pageSize, ViewType } from './experiments.ts'
import { id, int64, KeyValue, many } from './field.ts'
import type { Declare } from './route.ts'
import { onRun, RunId, runIdOf } from './run-scope.ts'

export type RunCallParts = Pick<Tracking, 'experiments' | 'runs' | 'log'>

const base = '2.0/mlflow/runs'
/** In MLflow's numbers. */
const numbered = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const
const Status = z.union([
  z.enum(runStatuses),
  int64.pipe(z.literal([1, 2, 3, 4, 5])).transform(number => numbered[number - 1]!),
])
const Instant = int64.transform(ms => ms as Millis)

export const runCalls =
  (parts: RunCallParts) =>
  (declare: Declare): void => {
    createCall(parts, declare)
    lifeCalls(parts, declare)
    tagCalls(parts, declare)
    searchCall(parts, declare)
  }

function createCall({ experiments, runs }: RunCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/create`,
    input: z.object({
      experiment_id: id.default(defaultExperiment),
      user_id: z.string().default(''),
      run_name: z.string().optional(),
      start_time: Instant.optional(),
      tags: many(KeyValue),
    }),
    may: ['edit', async ({ experiment_id }) => experimentResource(await experiments.get(experiment_id))],
    async handle({ experiment_id, user_id, run_name, start_time, tags }) {
      const { id: run } = await runs.create({
        experimentId: experiment_id,
        user: user_id,
        name: run_name,
        startedAt: start_time,
        tags,
      })
      return `{"run":${runText(await runs.document(run))}}`
    },
  })
}

function lifeCalls({ runs }: RunCallParts, declare: Declare): void {
  declare({
    method: 'GET',
    path: `${base}/get`,
    input: z.object(RunId),
    may: onRun(runs)('read'),
    handle: async said => `{"run":${runText(await runs.document(runIdOf(said)))}}`,
  })

  declare({
    method: 'POST',
    path: `${base}/update`,
    input: z.object({
      ...RunId,
      status: Status.optional(),
      end_time: Instant.optional(),
      run_name: z.string().optional(),
    }),
    may: onRun(runs)('edit'),
    async handle({ status, end_time, run_name, ...said }) {
      const change = { status, endedAt: end_time, name: run_name }
      return { run_info: runInfo(await runs.update(runIdOf(said), change)) }
    },
  })

  for (const [path, act] of [
    ['delete', runs.remove],
    ['restore', runs.restore],
  ] as const)
    declare({
      method: 'POST',
      path: `${base}/${path}`,
      input: z.object(RunId),
      may: onRun(runs)('manage'),
      async handle(said) {
        await act(runIdOf(said))
        return {}
      },
    })
}

function tagCalls({ runs, log }: RunCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/set-tag`,
    input: z.object({ ...RunId, key: z.string(), value: z.string().default('') }),
    may: onRun(runs)('edit'),
    async handle({ key, value, ...said }) {
      await log.add({ run: runIdOf(said), tags: [{ key, value }] })
      return {}
    },
  })

  declare({
    method: 'POST',
    path: `${base}/delete-tag`,
    input: z.object({ ...RunId, key: z.string() }),
    may: onRun(runs)('edit'),
    async handle({ key, ...said }) {
      await runs.removeTag(runIdOf(said), key)
      return {}
    },
  })

  declare({
    method: 'POST',
    path: `${base}/log-parameter`,
    input: z.object({ ...RunId, key: z.string(), value: z.string().default('') }),
    may: onRun(runs)('edit'),
    async handle({ key, value, ...said }) {
      await log.add({ run: runIdOf(said), params: [{ key, value }] })
      return {}
    },
  })
}

function searchCall({ experiments, runs }: RunCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/search`,
    input: z.object({
      experiment_ids: many(id),
      filter: z.string().default(''),
      run_view_type: ViewType,
      max_results: pageSize(50_000).default(1_000),
      order_by: many(z.string()),
      page_token: z.string().optional(),
    }),
    // Experiments that the caller may not read are left out.
    may: 'anyone',
    async handle({ experiment_ids, filter, run_view_type, max_results, order_by, page_token }, caller) {
      const query = {
        filter: parseFilter(filter, runLanguage),
        order: parseOrder(order_by, runLanguage),
        view: run_view_type,
        experiments: await readable(experiments, experiment_ids, caller),
      }
      const { items, next } = await runs.search(query, { limit: max_results, after: page_token || undefined })
      const list = items.length > 0 ? `"runs":[${items.map(runText).join(',')}]` : ''
      const token = next === undefined ? '' : `${list && ','}"next_page_token":${JSON.stringify(next)}`
      return `{${list}${token}}`
    },
  })
}

/** A run as JSON text: what it logged comes from the database as it is sent. */
function runText({ run, metrics, params, tags, datasets, modelInputs, modelOutputs }: RunDocument): string {
  const data = object({ metrics, params, tags })
  const inputs = object({ dataset_inputs: datasets, model_inputs: modelInputs })
  const outputs = modelOutputs === '[]' ? '' : `,"outputs":${object({ model_outputs: modelOutputs })}`
  return `{"info":${JSON.stringify(runInfo(run))},"data":${data},"inputs":${inputs}${outputs}}`
}

/** Lists that are empty are left out. */
function object(lists: Readonly<Record<string, string>>): string {
  const said = Object.entries(lists).filter(([, list]) => list !== '[]')
  return `{${said.map(([name, list]) => `"${name}":${list}`).join(',')}}`
}

const runInfo = (run: TrackingRun): object => ({
  run_id: run.id,
  run_uuid: run.id,
  run_name: run.name,
  experiment_id: run.experimentId,
  user_id: run.user,
  status: run.status,
  start_time: run.startedAt,
  end_time: run.endedAt,
  artifact_uri: run.artifactUri,
  lifecycle_stage: run.lifecycle,
})
