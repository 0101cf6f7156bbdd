import { randomUUID } from 'node:crypto'
import type { Clock } from '#kernel/clock.ts'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import { parseFilter } from '#search'
import type { AnyTx, Db } from '#storage'
import { runArtifacts, type Experiment } from './experiment.ts'
import { loggedModelLanguage, orderColumn, orderNames } from './logged-model-language.ts'
import { withStatusNames } from './logged-model-status.ts'
import {
  checkName,
  checkParams,
  checkTags,
  loggedModelStatuses,
  type KeyValue,
  type LoggedModel,
  type LoggedModelPoint,
  type LoggedModelStatus,
} from './logged-model.ts'
import type { DatasetChoice, LoggedModelOrder, LoggedModelStore } from './logged-model-store.ts'
import { randomName } from './run-name.ts'
import type { TrackingRun } from './tracking-run.ts'

/** A model that is to be logged. Without a name it gets one. */
export interface LoggedModelDraft {
  readonly experimentId: string
  readonly name?: string | undefined
  readonly modelType?: string | undefined
  readonly sourceRunId?: string | undefined
  readonly params: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
}

/** One order item as clients write it: `metrics.<key>` or an attribute. */
export interface LoggedModelOrderItem {
  readonly fieldName: string
  readonly ascending: boolean
  readonly dataset?: DatasetChoice | undefined
}

export interface LoggedModelQuery {
  readonly experimentIds: readonly string[]
  readonly filter?: string | undefined
  readonly datasets: readonly DatasetChoice[]
  readonly orderBy: readonly LoggedModelOrderItem[]
  readonly maxResults: number
  readonly pageToken?: string | undefined
}

/** Models as training runs log them, with their files, parameters and measurements. Deleted ones are not found. */
export interface LoggedModels {
  /** Throws `not_found` for the experiment, `invalid` when it is deleted. */
  create(draft: LoggedModelDraft): Promise<LoggedModel>
  /** Throws `not_found`; of a deleted one too, unless it is asked for. */
  get(id: string, options?: { deleted?: boolean }): Promise<LoggedModel>
  /** Says that the files are all there, or will not come. A repeat is harmless. */
  finalize(id: string, status: LoggedModelStatus): Promise<LoggedModel>
  /** A repeat is harmless. */
  remove(id: string): Promise<void>
  setTags(id: string, tags: readonly KeyValue[]): Promise<LoggedModel>
  /** Throws `not_found` when there is no such tag. */
  removeTag(id: string, key: string): Promise<void>
  /** Throws `invalid` when one is there with another value, and then adds none. */
  putParams(id: string, params: readonly KeyValue[]): Promise<void>
  /** Adds a run's points to the models that they name. Throws `not_found` unless each is a model of the run's project. */
  putMetrics(
    tx: AnyTx,
    run: { readonly id: string; readonly project: string },
    points: readonly (Omit<LoggedModelPoint, 'run'> & { readonly modelId: string })[],
  ): Promise<void>
  search(query: LoggedModelQuery): Promise<{ readonly items: readonly LoggedModel[]; readonly next?: string }>
  /** The projects of those of these experiments that have models. */
  owners(experimentIds: readonly string[]): Promise<readonly { project: string; experimentId: string }[]>
}

export interface LoggedModelParts {
  readonly db: Db
  readonly store: LoggedModelStore
  /** Throws `not_found`. */
  readonly experiments: {
    get(id: string): Promise<Pick<Experiment, 'id' | 'project' | 'artifactLocation' | 'lifecycle'>>
  }
  /** Throws `not_found`. */
  readonly runs: { get(id: string): Promise<Pick<TrackingRun, 'id' | 'project'>> }
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly clock: Clock
}

const pageMax = 1_000

export function createLoggedModels(parts: LoggedModelParts): LoggedModels {
  const { store, clock } = parts
  const get: LoggedModels['get'] = async (id, { deleted = false } = {}) => {
    const model = await store.find(id)
    if (!model || (model.lifecycle === 'deleted' && !deleted)) throw notFound('logged model', id)
    return model
  }

  return {
    get,

    create: draft => create(parts, draft),

    async finalize(id, status) {
      await get(id)
      if (status === 'LOGGED_MODEL_PENDING')
        throw invalid('A model is finalized as ready or failed.', [
          { field: 'status', value: status, allowed: loggedModelStatuses.slice(1).join(', ') },
        ])
      await store.setStatus(id, status, clock.now())
      return get(id)
    },

    async remove(id) {
      await get(id, { deleted: true })
      await store.setLifecycle(id, 'deleted', clock.now())
    },

    async setTags(id, tags) {
      await get(id)
      await store.putTags(id, checkTags(tags))
      return get(id)
    },

    async removeTag(id, key) {
      await get(id)
      if (!(await store.removeTag(id, key))) throw notFound(`tag of logged model ${id} with key`, key)
    },

    async putParams(id, params) {
      await get(id)
      await store.putParams(id, checkParams(params))
    },

    async putMetrics(tx, run, points) {
      const ids = [...new Set(points.map(point => point.modelId))]
      const known = new Map((await store.heads(tx, ids)).map(model => [model.id, model]))
      const missing = ids.find(id => known.get(id)?.project !== run.project)
      if (missing !== undefined) throw notFound('logged model', missing)
      await store.putPoints(
        tx,
        points.map(({ modelId, ...point }) => ({ ...point, run: run.id, model: modelId })),
      )
    },

    search({ experimentIds, filter, datasets, orderBy, maxResults, pageToken }) {
      if (maxResults < 1)
        throw invalid(`Invalid value ${maxResults} for parameter 'max_results' supplied.`, [
          { field: 'max_results', value: maxResults, allowed: 'at least 1' },
        ])
      return store.search({
        experimentIds: [...new Set(experimentIds)].toSorted(),
        filter: withStatusNames(parseFilter(filter, loggedModelLanguage)),
        datasets,
        order: orderBy.map(orderOf),
        limit: Math.min(maxResults, pageMax),
        after: pageToken || undefined,
      })
    },

    owners: experimentIds => store.owners(experimentIds),
  }
}

async function create(
  { db, store, experiments, runs, ledger, clock }: LoggedModelParts,
  { experimentId, name, modelType, sourceRunId, params, tags }: LoggedModelDraft,
): Promise<LoggedModel> {
  if (name !== undefined && name !== '') checkName(name)
  const experiment = await experiments.get(experimentId)
  if (experiment.lifecycle !== 'active')
    throw invalid('The experiment must be in the active state.', [
      { field: 'experiment_id', value: experimentId, allowed: 'an experiment that is not deleted' },
    ])
  const id = `m-${randomUUID().replaceAll('-', '')}`
  const at = clock.now()
  const model: LoggedModel = {
    id,
    experimentId,
    project: experiment.project,
    name: name || randomName(),
    ...(modelType ? { modelType } : {}),
    ...(sourceRunId ? { sourceRunId } : {}),
    status: 'LOGGED_MODEL_PENDING',
    lifecycle: 'active',
    artifactUri: runArtifacts(experiment.artifactLocation, `models/${id}`),
    createdAt: at,
    updatedAt: at,
    params: checkParams(params),
    tags: checkTags(tags),
    metrics: [],
  }
  const source = sourceRunId ? await runs.get(sourceRunId).catch(unknown) : undefined
  await db.transaction().execute(async tx => {
    await store.insert(tx, model)
    const { project, name: label } = model
    const facts = { experiment: experimentId, ...(modelType ? { type: modelType } : {}) }
    await ledger.record(tx, { id, kind: 'logged_model', label, project, facts })
    if (source?.project === project) await ledger.link(tx, { from: id, to: source.id, relation: 'made_by' })
  })
  return model
}

function orderOf({ fieldName, ascending, dataset }: LoggedModelOrderItem): LoggedModelOrder {
  const descending = !ascending
  if (fieldName.startsWith('metrics.') && fieldName.length > 'metrics.'.length)
    return { metric: fieldName.slice('metrics.'.length), descending, ...(dataset ? { dataset } : {}) }
  const attribute = orderColumn(fieldName)
  if (attribute !== undefined) return { attribute, descending }
  throw invalid(`Invalid order by field name: ${fieldName}`, [
    { field: 'order_by.field_name', value: fieldName, allowed: orderNames },
  ])
}

/** A run that is not here may still be named: clients move models between servers. */
function unknown(error: unknown): undefined {
  if (!(error instanceof TrainyardError && error.code === 'not_found')) throw error
}
