import { invalid } from '#kernel/error.ts'
import { keyAllowed, keyCharactersMax, keyPattern } from '#kernel/tracked-key.ts'
import type { Int64 } from '#kernel/int64.ts'

/** One value of a metric of a run. Points with equal fields are one point: what is sent twice is stored once. */
export interface MetricPoint {
  readonly key: string
  /** May be NaN; infinities are stored as the greatest doubles. */
  readonly value: number
  /** Milliseconds since the epoch, as the client measured. */
  readonly timestamp: number
  readonly step: Int64
  /** The logged model that it was measured on, and with which dataset. */
  readonly model?: ModelOfPoint
}

export interface ModelOfPoint {
  readonly id: string
  readonly datasetName?: string | undefined
  readonly datasetDigest?: string | undefined
}

/** Throws `invalid`, naming the field of the request. */
export function checkKey(key: string, field: string): void {
  if (key.length <= keyCharactersMax && keyPattern.test(key)) return
  throw invalid(`Invalid value ${JSON.stringify(key.slice(0, 300))} for parameter '${field}' supplied.`, [
    { field, value: key, allowed: keyAllowed },
  ])
}

/** JSON has no infinities: they are stored as the doubles next to them. NaN is 0 with a flag beside it. */
export const storedValue = (value: number): number =>
  Number.isNaN(value) ? 0 : Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value))

/** As it is kept below its run and key. */
export type StoredPoint = Omit<MetricPoint, 'model' | 'key'>
