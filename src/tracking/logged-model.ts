import { digestOfJson } from '#kernel/digest.ts'
import { int64Text, type Int64 } from '#kernel/int64.ts'
import { invalid, type Problem } from '#kernel/error.ts'

export const loggedModelStatuses = ['LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED'] as const
export type LoggedModelStatus = (typeof loggedModelStatuses)[number]

export interface KeyValue {
  readonly key: string
  readonly value: string
}

/** A value that was measured of a logged model, by a run, maybe on a dataset. */
export interface LoggedModelPoint {
  readonly key: string
  /** Finite; 0 of a NaN. */
  readonly value: number
  readonly nan: boolean
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly step: Int64
  readonly run: string
  readonly datasetName?: string
  readonly datasetDigest?: string
}

/** A model as a training run logged it, before and beside any registration. MLflow 3 calls it so. */
export interface LoggedModel {
  /** `m-` and 32 hex digits. */
  readonly id: string
  readonly experimentId: string
  readonly project: string
  readonly name: string
  readonly modelType?: string
  readonly sourceRunId?: string
  readonly status: LoggedModelStatus
  readonly lifecycle: 'active' | 'deleted'
  readonly artifactUri: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly params: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
  /** By key, then time and step. */
  readonly metrics: readonly LoggedModelPoint[]
}

const nameMax = 500
const keyMax = 250
const valueMax = 65_535

/** Throws `invalid` on a name that no URI of a model can hold. */
export function checkName(name: string): void {
  if (/^[^/:.%"']+$/.test(name) && name.length <= nameMax) return
  throw invalid('Invalid model name provided.', [
    { field: 'name', value: name, allowed: `1 to ${nameMax} characters, none of / : . % " '` },
  ])
}

/** The parameters once each, by key. Throws `invalid` on one that comes twice, and on lengths. */
export function checkParams(params: readonly KeyValue[]): readonly KeyValue[] {
  const byKey = new Map(params.map(param => [param.key, param]))
  const problems = lengthProblems(params, 'params')
  if (byKey.size < params.length) problems.push({ field: 'params', allowed: 'each key once' })
  if (problems.length > 0) throw invalid('Invalid model parameters.', problems)
  return [...byKey.values()]
}

/** The tags once each; of one that comes twice the last counts. Throws `invalid` on lengths. */
export function checkTags(tags: readonly KeyValue[]): readonly KeyValue[] {
  const problems = lengthProblems(tags, 'tags')
  if (problems.length > 0) throw invalid('Invalid model tags.', problems)
  return [...new Map(tags.map(tag => [tag.key, tag])).values()]
}

function lengthProblems(pairs: readonly KeyValue[], field: string): Problem[] {
  return pairs.flatMap(({ key, value }, index) => [
    ...(key.length < 1 || key.length > keyMax
      ? [{ field: `${field}[${index}].key`, value: key, allowed: `1 to ${keyMax} characters` }]
      : []),
    ...(value.length > valueMax
      ? [{ field: `${field}[${index}].value`, value: value.length, allowed: `at most ${valueMax} characters` }]
      : []),
  ])
}

/** A repeated point is the same point: what makes it so, as a text of fixed length. */
export const pointId = (point: LoggedModelPoint): string => digestOfJson({ ...point, step: int64Text(point.step) })
