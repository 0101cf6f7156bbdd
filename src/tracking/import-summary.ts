import { int64Of } from '#kernel/int64.ts'
import { parseExactly } from '#kernel/json.ts'
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
import type { KeyText, RunDocument } from './store.ts'
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

/** The texts of a document are MLflow's JSON. */
interface DatasetJson {
  readonly tags: readonly KeyText[]
  readonly dataset: {
    readonly name: string
    readonly digest: string
    readonly source_type: string
    readonly source: string
    readonly schema?: string
    readonly profile?: string
  }
}

function talliesOf(document: RunDocument): Omit<RunTallies, 'points'> {
  const keyTexts = (json: string): Tally => tallyOf((JSON.parse(json) as KeyText[]).map(keyTextFacts))
  const links = (direction: string, json: string): readonly (readonly unknown[])[] =>
    (parseExactly(json) as { model_id: string; step?: number | string }[]).map(({ model_id: model, step = 0 }) =>
      linkFacts({ direction, model, step: int64Of(step) }),
    )
  return {
    params: keyTexts(document.params),
    tags: keyTexts(document.tags),
    datasets: tallyOf(
      (JSON.parse(document.datasets) as DatasetJson[]).map(({ tags, dataset: { source_type, ...dataset } }) =>
        datasetFacts({ ...dataset, sourceType: source_type, tags }),
      ),
    ),
    links: tallyOf([...links('input', document.modelInputs), ...links('output', document.modelOutputs)]),
  }
}
