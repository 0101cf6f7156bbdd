import { conflict, notFound } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import type { Db } from '#storage'
import { runArtifacts } from './experiment.ts'
import { storedValue } from './metric.ts'
import type { LoggedModelStore } from './logged-model-store.ts'
import type { LoggedModel, LoggedModelPoint } from './logged-model.ts'
import type { ExperimentStore, RunStore } from './store.ts'

/** A logged model of another ledger. A point's value may be NaN or infinite. */
export type ImportedLoggedModel = Pick<
  LoggedModel,
  'experimentId' | 'name' | 'status' | 'createdAt' | 'updatedAt' | 'params' | 'tags'
> & {
  readonly modelType?: string | undefined
  readonly sourceRun?: string | undefined
  readonly points: readonly ImportedModelPoint[]
}

export type ImportedModelPoint = Pick<LoggedModelPoint, 'key' | 'value' | 'timestamp' | 'step' | 'run'> & {
  readonly datasetName?: string | undefined
  readonly datasetDigest?: string | undefined
}

/** Logged models taken in with their ids and times. Everything may be said again. */
export interface ModelImports {
  /** Throws `conflict` if the id is that of a model elsewhere. */
  loggedModel(project: string, id: string, draft: ImportedLoggedModel): Promise<LoggedModel>
}

export interface ModelImportParts {
  readonly db: Db
  readonly experiments: Pick<ExperimentStore, 'find'>
  readonly runs: Pick<RunStore, 'find'>
  readonly store: LoggedModelStore
  readonly ledger: Pick<Ledger, 'record' | 'link'>
}

export function createModelImports({ db, experiments, runs, store, ledger }: ModelImportParts): ModelImports {
  async function insert(project: string, id: string, draft: ImportedLoggedModel): Promise<void> {
    const experiment = await experiments.find({ id: draft.experimentId })
    if (experiment?.project !== project) throw notFound('experiment', draft.experimentId)
    const source = draft.sourceRun === undefined ? undefined : await runs.find(draft.sourceRun)
    const { points: _, sourceRun, modelType, ...model } = draft
    await db.transaction().execute(async tx => {
      await store.insert(tx, {
        ...model,
        id,
        project,
        ...(modelType !== undefined && { modelType }),
        ...(sourceRun !== undefined && { sourceRunId: sourceRun }),
        lifecycle: 'active',
        artifactUri: runArtifacts(experiment.artifactLocation, `models/${id}`),
        metrics: [],
      })
      const facts = { experiment: experiment.id, ...(modelType !== undefined && { type: modelType }) }
      await ledger.record(tx, { id, kind: 'logged_model', label: draft.name, project, facts })
      if (source?.project === project) await ledger.link(tx, { from: id, to: source.id, relation: 'made_by' })
    })
  }

  return {
    async loggedModel(project, id, draft) {
      const known = await store.find(id)
      if (known && (known.project !== project || known.experimentId !== draft.experimentId))
        throw conflict(`The logged model ${id} is in experiment ${known.experimentId} already.`, { id })
      if (!known) await insert(project, id, draft)
      else {
        await store.putParams(id, draft.params)
        await store.putTags(id, draft.tags)
      }
      await db.transaction().execute(tx => store.putPoints(tx, draft.points.map(toPoint(id))))
      // Last, for all of the above is also a change of the model.
      await store.setStatus(id, draft.status, draft.updatedAt)
      return (await store.find(id))!
    },
  }
}

const toPoint =
  (model: string) =>
  ({ datasetName, datasetDigest, ...point }: ImportedModelPoint): LoggedModelPoint & { readonly model: string } => ({
    ...point,
    value: storedValue(point.value),
    nan: Number.isNaN(point.value),
    ...(datasetName !== undefined && { datasetName }),
    ...(datasetDigest !== undefined && { datasetDigest }),
    model,
  })
