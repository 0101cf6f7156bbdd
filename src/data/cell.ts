import type { ColumnType } from '#project'
import { identifier } from '#storage'
import { storedAs, textRules } from './column-type.ts'

/** A column of raw data as SQL: what is there, and how it is read as a type of ours. */
export interface Cell {
  readonly name: string
  /** SQL expression of the value as it came. */
  readonly raw: string
  /** The type that it already has; undefined for the text of a CSV file. */
  readonly physical: ColumnType | undefined
}

/** SQL: whether there is a value. A blank cell is a missing value for every type but text. */
export const isPresent = (cell: Cell, type: ColumnType): string =>
  `${type === 'string' || cell.physical !== undefined ? cell.raw : text(cell)} is not null`

/** SQL: whether a present value is of the type. */
export function accepts(cell: Cell, type: ColumnType): string {
  const rule = physicalRules[`${cell.physical} ${type}`]
  if (rule) return rule(cell.raw)
  return isDirect(cell, type) ? 'true' : textRules[type].accepts(text(cell))
}

/** Values of Parquet columns that have the right kind of type and may be wrong nevertheless. */
const physicalRules: Readonly<Record<string, (raw: string) => string>> = {
  'number number': raw => `isfinite(cast(${raw} as double))`,
  'integer integer': raw => `abs(cast(${raw} as hugeint)) <= ${Number.MAX_SAFE_INTEGER}`,
  'number integer': raw =>
    `(cast(${raw} as double) = floor(cast(${raw} as double)) and abs(cast(${raw} as double)) <= ${Number.MAX_SAFE_INTEGER})`,
  'timestamp date': raw => `date_trunc('day', cast(${raw} as timestamp)) = cast(${raw} as timestamp)`,
}

/** SQL: whether a present value of a CSV file suggests the type. */
export const suggests = (cell: Cell, type: ColumnType): string => textRules[type].suggests(text(cell))

/** SQL: the accepted value in the type. */
export function typed(cell: Cell, type: ColumnType): string {
  const value = isDirect(cell, type) ? `cast(${cell.raw} as ${storedAs[type]})` : textRules[type].cast(text(cell))
  return `${value} as ${identifier(cell.name)}`
}

const direct: Readonly<Record<ColumnType, readonly ColumnType[]>> = {
  boolean: ['boolean'],
  integer: ['integer', 'number'],
  number: ['number', 'integer'],
  date: ['date', 'timestamp'],
  timestamp: ['timestamp', 'date'],
  string: ['string', 'boolean', 'integer', 'number', 'date', 'timestamp'],
}

const isDirect = ({ physical }: Cell, type: ColumnType): boolean =>
  type === 'string' || (physical !== undefined && direct[type].includes(physical))

const text = ({ raw }: Cell): string => `nullif(trim(cast(${raw} as varchar)), '')`
