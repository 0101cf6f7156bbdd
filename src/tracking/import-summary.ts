import { notFound } from '#kernel/error.ts'
import {
  datasetFacts,
  keyTextFacts,
  linkFacts,
  modelPointFacts,
  type LoggedModelTallies,
  type RunTallies,
} from './import-tally.ts'
import type { LoggedModelStore } from './logged-model-store.ts'
import type { LoggedModel } from './logged-model.ts'
import { datasetsOf, keyTextsOf, modelLinksOf } from './run-document.ts'
import type { RunDocument } from './store.ts'
import { tallyOf, type Tally } from './tally.ts'
import type { TrackingRun } from './tracking-run.ts'

/** What is here of a run, to be compared with what another ledger has. */
export type RunSummary = TrackingRun & RunTallies
export type LoggedModelSummary = Omit<LoggedModel, 'params' | 'tags' | 'metrics'> & LoggedModelTallies

export interface ImportSummaries {
  /** Those that are in the project. */
  runs(project: string, ids: readonly string[]): Promise<readonly RunSummary[]>
  /** Throws `not_found`. */
  loggedModel(project: string, id: string): Promise<LoggedModelSummary>
}

export interface SummaryParts {
  readonly documents: { find(id: string): Promise<RunDocument | undefined> }
  readonly loggedModels: Pick<LoggedModelStore, 'find'>
  tallyPoints(run: string): Promise<Tally>
}

export function createImportSummaries({ documents, loggedModels, tallyPoints }: SummaryParts): ImportSummaries {
  return {
    async runs(project, ids) {
      const summaries: RunSummary[] = []
      for (const id of ids) {
        const document = await documents.find(id)
        if (document?.run.project !== project) continue
        summaries.push({ ...document.run, ...talliesOf(document), points: await tallyPoints(id) })
      }
      return summaries
    },

    async loggedModel(project, id) {
      const model = await loggedModels.find(id)
      if (model?.project !== project) throw notFound('logged model', id)
      const { params, tags, metrics, ...head } = model
      return {
        ...head,
        params: tallyOf(params.map(keyTextFacts)),
        tags: tallyOf(tags.map(keyTextFacts)),
        points: tallyOf(
          metrics.map(point => modelPointFacts({ ...point, value: point.nan ? Number.NaN : point.value })),
        ),
      }
    },
  }
}

function talliesOf({ params, tags, datasets, modelInputs, modelOutputs }: RunDocument): Omit<RunTallies, 'points'> {
  const links = (direction: string, json: string): readonly (readonly unknown[])[] =>
    modelLinksOf(json).map(link => linkFacts({ direction, ...link }))
  return {
    params: tallyOf(keyTextsOf(params).map(keyTextFacts)),
    tags: tallyOf(keyTextsOf(tags).map(keyTextFacts)),
    datasets: tallyOf(datasetsOf(datasets).map(datasetFacts)),
    links: tallyOf([...links('input', modelInputs), ...links('output', modelOutputs)]),
  }
}
