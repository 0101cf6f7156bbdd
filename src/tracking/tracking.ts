import type { Clock } from '#kernel/clock.ts'
import type { Ledger } from '#metadata'
import type { Db } from '#storage'
import { createCompactor } from './compactor.ts'
import { createExperiments, type Experiments } from './experiments.ts'
import { storedValue } from './metric.ts'
import { createRunInputs, type RunInputs } from './run-inputs.ts'
import { createRunLog, type ModelPoint, type RunLog } from './run-log.ts'
import { createHistory, type History } from './history.ts'
import { createLoggedModels, type LoggedModels } from './logged-models.ts'
import type { TrackingStores } from './store.sql.ts'
import type { ExperimentFacts, ExperimentSearch, RunSearch } from './store.ts'
import { createTrackingRuns, type TrackingRuns } from './tracking-runs.ts'

/** Experiments and runs, each part a thing of its own: this is only how they stand together. */
export interface Tracking {
  readonly experiments: Experiments & ExperimentSearch & ExperimentFacts
  readonly runs: TrackingRuns & RunSearch
  readonly log: RunLog
  readonly history: History
  readonly inputs: RunInputs
  readonly loggedModels: LoggedModels
}

export interface TrackingParts {
  readonly db: Db
  readonly stores: TrackingStores
  readonly ledger: Ledger
  readonly clock: Clock
  isProject(name: string): Promise<boolean>
}

export function createTracking({ stores, ...parts }: TrackingParts): Tracking {
  const experiments = createExperiments({ ...parts, store: stores.experiments })
  const history = createHistory({ ...parts, store: stores.history, series: stores.history })
  const compactor = createCompactor(history.compact)
  const log = createRunLog({
    ...parts,
    added: compactor.added,
    store: stores.log,
    async recordModelPoints(tx, points) {
      for (const [run, measured] of Map.groupBy(points, point => point.run))
        await loggedModels.putMetrics(tx, (await stores.runs.find(run, tx))!, measured.map(loggedPoint))
    },
  })
  const runs = createTrackingRuns({
    ...parts,
    store: stores.runs,
    inputs: stores.inputs,
    documents: stores.documents,
    experiments,
    log,
  })
  const loggedModels = createLoggedModels({ ...parts, store: stores.loggedModels, experiments, runs })
  return {
    loggedModels,
    experiments: { ...experiments, ...stores.experimentFacts, search: stores.experimentSearch.search },
    runs: { ...runs, ...stores.runSearch },
    log,
    history,
    inputs: createRunInputs({
      ...parts,
      store: stores.inputs,
      log,
      ownerOf: runs.ownerOf,
      async ownModels(tx, run, models) {
        const project = (await stores.runs.find(run, tx))?.project
        const found = await stores.loggedModels.heads(tx, [...new Set(models)])
        return found.filter(model => model.project === project).map(({ id }) => id)
      },
    }),
  }
}

const loggedPoint = ({ key, value, timestamp, step, run, model }: ModelPoint) => ({
  modelId: model.id,
  key,
  value: storedValue(value),
  nan: Number.isNaN(value),
  timestamp,
  step,
  run,
  ...(model.datasetName !== undefined && { datasetName: model.datasetName }),
  ...(model.datasetDigest !== undefined && { datasetDigest: model.datasetDigest }),
})
