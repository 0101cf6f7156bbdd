import { createHash } from 'node:crypto'
import { digestOfJson } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Labels } from './label.ts'

/** Cases that an application is tried on: inputs, and what is expected. */
export interface EvaluationDataset {
  /** `d-` and 32 hex digits. */
  readonly id: string
  readonly project: string
  readonly name: string
  /** 8 hex digits; another one after every change of the records. */
  readonly digest: string
  readonly schema?: DatasetSchema
  readonly recordCount: number
  readonly tags: Labels
  readonly experimentIds: readonly string[]
  readonly createdAt: Millis
  readonly updatedAt: Millis
  readonly createdBy?: string
  readonly updatedBy?: string
}

/** The type of each field that a record has had; of outputs that are no object, their type. */
export interface DatasetSchema {
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>> | string
  readonly expectations: Readonly<Record<string, string>>
  readonly version: '1.0'
}

type Members = Readonly<Record<string, unknown>>

/** What a record says; all but the inputs may be added later. */
export interface RecordContent {
  readonly inputs: Members
  readonly outputs?: unknown
  readonly expectations?: Members | undefined
  readonly tags?: Members | undefined
  readonly source?: Members | undefined
}

export interface EvaluationRecord extends RecordContent {
  /** `dr-` and 32 hex digits. */
  readonly id: string
  readonly datasetId: string
  readonly createdAt: Millis
  readonly updatedAt: Millis
  readonly createdBy?: string
  readonly updatedBy?: string
}

/** Records with equal inputs are one record. */
export const inputDigest = ({ inputs }: RecordContent): string => digestOfJson(inputs)

export const datasetDigest = (name: string, at: Millis, count: number): string =>
  createHash('sha256').update(`${name}:${at}:${count}`).digest('hex').slice(0, 8)

/** A record after the same inputs have come again: members are merged, outputs replaced when there are some. */
export function merged(known: RecordContent, next: RecordContent): RecordContent {
  const outputs =
    isMembers(known.outputs) && isMembers(next.outputs)
      ? { ...known.outputs, ...next.outputs }
      : (next.outputs ?? known.outputs)
  return {
    ...known,
    ...(outputs === undefined ? {} : { outputs }),
    ...(next.expectations ? { expectations: { ...known.expectations, ...next.expectations } } : {}),
    ...(next.tags ? { tags: { ...known.tags, ...next.tags } } : {}),
  }
}

const nothing: DatasetSchema = { inputs: {}, outputs: {}, expectations: {}, version: '1.0' }

/** The schema with the fields of more records; a field keeps the type that it had first. */
export function extended(known: DatasetSchema | undefined, records: readonly RecordContent[]): DatasetSchema {
  const { inputs, outputs, expectations } = known ?? nothing
  const all = { inputs: new Map(Object.entries(inputs)), expectations: new Map(Object.entries(expectations)) }
  const outputFields = new Map(Object.entries(typeof outputs === 'string' ? {} : outputs))
  let outputType = typeof outputs === 'string' ? outputs : undefined
  for (const record of records) {
    add(all.inputs, record.inputs)
    add(all.expectations, record.expectations ?? {})
    if (isMembers(record.outputs)) add(outputFields, record.outputs)
    else if (record.outputs !== undefined && record.outputs !== null) outputType ??= typeName(record.outputs)
  }
  return {
    inputs: Object.fromEntries(all.inputs),
    outputs: outputFields.size === 0 && outputType !== undefined ? outputType : Object.fromEntries(outputFields),
    expectations: Object.fromEntries(all.expectations),
    version: '1.0',
  }
}

function add(types: Map<string, string>, members: Members): void {
  for (const [key, value] of Object.entries(members)) if (!types.has(key)) types.set(key, typeName(value))
}

const isMembers = (value: unknown): value is Members =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** Python's names for the types of JSON. */
function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float'
  return typeof value
}
