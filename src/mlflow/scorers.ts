import { z } from 'zod'
import type { Permission, Resource } from '#access'
import { invalid } from '#kernel/error.ts'
import type { Scorers, ScorerVersion } from '#traces'
import { experimentResource } from '#tracking'
import { id, int64, many } from './field.ts'
import type { Declare } from './route.ts'
import { readable, type Experiments } from './experiment-scope.ts'

export interface ScorerCallParts {
  readonly scorers: Scorers
  readonly experiments: Experiments
}

const OneScorer = z.object({ experiment_id: id, name: z.string() })
const resourceOf = ({ id: experiment, project }: { id: string; project: string }, name: string): Resource => ({
  project,
  kind: 'scorer',
  id: `${experiment}/${name}`,
})
const Version = int64.pipe(z.int().min(1)).optional()

/** What a call about a scorer asks permission for. */
const onScorer =
  ({ experiments }: Pick<ScorerCallParts, 'experiments'>) =>
  (permission: Permission) =>
    [
      permission,
      async ({ experiment_id, name }: z.output<typeof OneScorer>) =>
        resourceOf(await experiments.get(experiment_id), name),
    ] as const

/** Scorers, as text: what they judge by is run by the client that made them. */
export const scorerCalls =
  (parts: ScorerCallParts) =>
  (declare: Declare): void => {
    writeCalls(parts, declare)
    listCalls(parts, declare)
    readCalls(parts, declare)
  }

function writeCalls({ scorers, experiments }: ScorerCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: '3.0/mlflow/scorers/register',
    input: OneScorer.extend({ serialized_scorer: z.string() }),
    may: onScorer({ experiments })('edit'),
    async handle({ experiment_id, name, serialized_scorer }) {
      const made = await scorers.register({ experiment: experiment_id, name, serialized: serialized_scorer })
      return {
        version: made.version,
        scorer_id: made.id,
        experiment_id,
        name: made.name,
        serialized_scorer: made.serialized,
        creation_time: made.createdAt,
      }
    },
  })

  declare({
    method: 'DELETE',
    path: '3.0/mlflow/scorers/delete',
    input: OneScorer.extend({ version: Version }),
    may: onScorer({ experiments })('manage'),
    async handle({ experiment_id, name, version }) {
      await scorers.remove(experiment_id, name, version)
      return {}
    },
  })
}

function listCalls({ scorers, experiments }: ScorerCallParts, declare: Declare): void {
  declare({
    method: 'GET',
    path: '3.0/mlflow/scorers/list',
    input: z.object({ experiment_id: id.optional(), experiment_ids: many(id) }),
    may: 'anyone',
    async handle({ experiment_id, experiment_ids }, caller) {
      if (experiment_id === undefined) {
        if (experiment_ids.length === 0) throw invalid("Missing value for required parameter 'experiment_id'.")
        return {
          scorers: (await scorers.latest(await readable(experiments, experiment_ids, caller))).map(scorerJson),
        }
      }
      if (experiment_ids.length > 0) throw invalid("Cannot specify both 'experiment_id' and 'experiment_ids'.")
      await caller.permit('read', experiments.get(experiment_id).then(experimentResource))
      return { scorers: (await scorers.latest([experiment_id])).map(scorerJson) }
    },
  })

  // Newer clients ask this of every list: no scorer is run by the server, so none has a configuration for it.
  declare({
    method: 'GET',
    path: '3.0/mlflow/scorers/online-configs',
    input: z.object({}),
    may: 'anyone',
    handle: async () => ({ configs: [] }),
  })
}

function readCalls({ scorers, experiments }: ScorerCallParts, declare: Declare): void {
  const may = onScorer({ experiments })('read')
  declare({
    method: 'GET',
    path: '3.0/mlflow/scorers/versions',
    input: OneScorer,
    may,
    handle: async ({ experiment_id, name }) => ({
      scorers: (await scorers.versions(experiment_id, name)).map(scorerJson),
    }),
  })

  declare({
    method: 'GET',
    path: '3.0/mlflow/scorers/get',
    input: OneScorer.extend({ version: Version }),
    may,
    handle: async ({ experiment_id, name, version }) => ({
      scorer: scorerJson(await scorers.get(experiment_id, name, version)),
    }),
  })
}

const scorerJson = (scorer: ScorerVersion): object => ({
  experiment_id: Number(scorer.experimentId),
  scorer_name: scorer.name,
  scorer_version: scorer.version,
  serialized_scorer: scorer.serialized,
  creation_time: scorer.createdAt,
  scorer_id: scorer.id,
})
