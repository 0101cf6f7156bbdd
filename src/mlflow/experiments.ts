import { z } from 'zod'
import { parseFilter, parseOrder } from '#search'
import { experimentLanguage, type Experiment, type Tracking, type View, experimentResource } from '#tracking'
import { onExperiment, readable } from './experiment-scope.ts'
import { id, int64, KeyValue, many } from './field.ts'
import type { Caller, Declare } from './route.ts'

export interface ExperimentCallParts {
  readonly experiments: Tracking['experiments']
  readonly inputs: Pick<Tracking['inputs'], 'summaries'>
}

const base = '2.0/mlflow/experiments'
const Experiment = z.object({ experiment_id: id })
const views = ['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL'] as const
/** By name or by number. */
export const ViewType = z
  .union([z.enum(views), int64.pipe(z.literal([1, 2, 3])).transform(n => views[n - 1]!)])
  .default('ACTIVE_ONLY')
  .transform((view): View => ({ ACTIVE_ONLY: 'active', DELETED_ONLY: 'deleted', ALL: 'all' } as const)[view])

/** A page size within a range; outside of it is the caller's mistake. */
export const pageSize = (most: number) => int64.pipe(z.int().min(1).max(most))

export const experimentCalls =
  (parts: ExperimentCallParts) =>
  (declare: Declare): void => {
    readCalls(parts, declare)
    writeCalls(parts, declare)
    tagCalls(parts, declare)
    for (const method of ['GET', 'POST'] as const) searchCall(parts, declare, method)
  }

function readCalls({ experiments, inputs }: ExperimentCallParts, declare: Declare): void {
  declare({
    method: 'GET',
    path: `${base}/get`,
    input: Experiment,
    may: onExperiment(experiments)('read'),
    handle: async ({ experiment_id }) => ({ experiment: experimentOf(await experiments.get(experiment_id)) }),
  })

  declare({
    method: 'GET',
    path: `${base}/get-by-name`,
    input: z.object({ experiment_name: z.string() }),
    may: [
      'read',
      async ({ experiment_name }, { workspace }) =>
        experimentResource(await experiments.byName(experiment_name, workspace)),
    ],
    handle: async ({ experiment_name }, { workspace }) => ({
      experiment: experimentOf(await experiments.byName(experiment_name, workspace)),
    }),
  })

  declare({
    method: 'POST',
    path: `${base}/search-datasets`,
    input: z.object({ experiment_ids: many(id).pipe(z.array(z.string()).min(1).max(20)) }),
    may: 'anyone',
    async handle({ experiment_ids }, caller) {
      const found = await inputs.summaries(await readable(experiments, experiment_ids, caller))
      return {
        dataset_summaries: found.map(({ experimentId, ...summary }) => ({ experiment_id: experimentId, ...summary })),
      }
    },
  })
}

function writeCalls({ experiments }: ExperimentCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/create`,
    input: z.object({ name: z.string(), artifact_location: z.string().optional(), tags: many(KeyValue) }),
    may: ['edit', async ({ name }, { workspace }) => ({ project: await experiments.projectOf(name, workspace) })],
    async handle({ name, artifact_location, tags }, { workspace }) {
      const made = await experiments.create({ name, workspace, artifactLocation: artifact_location, tags })
      return { experiment_id: made.id }
    },
    makes: answer => ({ kind: 'experiment', id: (answer as { experiment_id: string }).experiment_id }),
  })

  declare({
    method: 'POST',
    path: `${base}/update`,
    input: Experiment.extend({ new_name: z.string() }),
    may: onExperiment(experiments)('edit'),
    async handle({ experiment_id, new_name }) {
      await experiments.rename(experiment_id, new_name)
      return {}
    },
  })

  for (const [path, act] of [
    ['delete', experiments.remove],
    ['restore', experiments.restore],
  ] as const)
    declare({
      method: 'POST',
      path: `${base}/${path}`,
      input: Experiment,
      may: onExperiment(experiments)('manage'),
      async handle({ experiment_id }) {
        await act(experiment_id)
        return {}
      },
    })
}

function tagCalls({ experiments }: ExperimentCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/set-experiment-tag`,
    input: Experiment.extend(KeyValue.shape),
    may: onExperiment(experiments)('edit'),
    async handle({ experiment_id, ...tag }) {
      await experiments.setTag(experiment_id, tag)
      return {}
    },
  })

  declare({
    method: 'POST',
    path: `${base}/delete-experiment-tag`,
    input: Experiment.extend({ key: z.string() }),
    may: onExperiment(experiments)('edit'),
    async handle({ experiment_id, key }) {
      await experiments.removeTag(experiment_id, key)
      return {}
    },
  })
}

function searchCall({ experiments }: ExperimentCallParts, declare: Declare, method: 'GET' | 'POST'): void {
  declare({
    method,
    path: `${base}/search`,
    input: z.object({
      max_results: pageSize(50_000),
      page_token: z.string().optional(),
      filter: z.string().default(''),
      order_by: many(z.string()),
      view_type: ViewType,
    }),
    may: 'anyone',
    async handle({ max_results, page_token, filter, order_by, view_type }, caller) {
      const query = {
        filter: parseFilter(filter, experimentLanguage),
        order: parseOrder(order_by, experimentLanguage),
        view: view_type,
        ...(await reachOf(caller)),
      }
      const { items, next } = await experiments.search(query, { limit: max_results, after: page_token || undefined })
      const shown = []
      for (const experiment of items) if (await caller.mayRead(experimentResource(experiment))) shown.push(experiment)
      return { experiments: shown.map(experimentOf), next_page_token: next }
    },
  })
}

/** The projects that the caller reads, and the single experiments of others that a grant opens. */
async function reachOf(caller: Caller): Promise<{ projects?: readonly string[]; ids?: readonly string[] }> {
  if (caller.readable === 'all') return {}
  return { projects: caller.readable, ids: await caller.granted('experiment') }
}

export const experimentOf = (experiment: Experiment): object => ({
  experiment_id: experiment.id,
  name: experiment.name,
  artifact_location: experiment.artifactLocation,
  lifecycle_stage: experiment.lifecycle,
  last_update_time: experiment.updatedAt,
  creation_time: experiment.createdAt,
  ...(Object.keys(experiment.tags).length > 0 && {
    tags: Object.entries(experiment.tags).map(([key, value]) => ({ key, value })),
  }),
})
