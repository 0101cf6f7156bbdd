import { int64Of } from '#kernel/int64.ts'
import { parseExactly } from '#kernel/json.ts'
import type { Dataset, ModelLink } from './run-input.ts'
import type { KeyText } from './key-text.ts'

/** What the texts of a run document say; they are MLflow's JSON. */

export const keyTextsOf = (json: string): readonly KeyText[] => JSON.parse(json) as KeyText[]

interface DatasetJson {
  readonly tags: readonly KeyText[]
  readonly dataset: Omit<Dataset, 'sourceType'> & { readonly source_type: string }
}

export const datasetsOf = (json: string): readonly (Dataset & { readonly tags: readonly KeyText[] })[] =>
  (JSON.parse(json) as DatasetJson[]).map(({ tags, dataset: { source_type: sourceType, ...dataset } }) => ({
    ...dataset,
    sourceType,
    tags,
  }))

/** Logged models that a run has read or made; those it has read have no step. */
export const modelLinksOf = (json: string): readonly ModelLink[] =>
  (parseExactly(json) as { model_id: string; step?: number | string }[]).map(({ model_id: model, step = 0 }) => ({
    model,
    step: int64Of(step),
  }))
