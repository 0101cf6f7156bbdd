import { invalid } from '#kernel/error.ts'
import type { Int64 } from '#kernel/int64.ts'
import type { KeyText } from './key-text.ts'

/** A dataset that a run read, as its client describes it. In one experiment name and digest say which it is. */
export interface Dataset {
  readonly name: string
  readonly digest: string
  readonly sourceType: string
  /** JSON text. */
  readonly source: string
  readonly schema?: string | undefined
  readonly profile?: string | undefined
}

export interface DatasetInput {
  readonly dataset: Dataset
  readonly tags: readonly KeyText[]
}

/** A logged model that a run read or made; the step counts for what it made. */
export interface ModelLink {
  readonly model: string
  readonly step: Int64
}

/** A dataset that runs of an experiment read, in one context: training, evaluation. */
export interface DatasetSummary {
  readonly experimentId: string
  readonly name: string
  readonly digest: string
  readonly context?: string
}

const charactersMax: Readonly<Record<keyof Dataset, number>> = {
  name: 500,
  digest: 36,
  sourceType: 36,
  source: 65_535,
  schema: 1_048_575,
  profile: 16_777_215,
}
const tagKeyMax = 255
const tagValueMax = 500

/** Throws `invalid` on what is too long, or too short to name anything. */
export function checkDataset({ dataset, tags }: DatasetInput): void {
  for (const [field, most] of Object.entries(charactersMax)) {
    const text = dataset[field as keyof Dataset]
    if (text === undefined) continue
    if (text.length > most || (text === '' && (field === 'name' || field === 'digest')))
      throw refused(`dataset.${field}`, `1 to ${most} characters`)
  }
  for (const { key, value } of tags)
    if (key === '' || key.length > tagKeyMax || value.length > tagValueMax)
      throw refused('dataset.tags', `keys of 1 to ${tagKeyMax} and values of at most ${tagValueMax} characters`)
}

const refused = (field: string, allowed: string): Error =>
  invalid(`Invalid value for parameter '${field}' supplied.`, [{ field, allowed }])
