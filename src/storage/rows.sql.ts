import { CompiledQuery, type Kysely } from 'kysely'
import type { Int64 } from '#kernel/int64.ts'
import { engineOf } from './engine.ts'
import type { AnyTx } from './open.ts'
import { bigintArray, doubleArray, textArray } from './postgres-array.ts'
import { prepared } from './prepared.ts'

/** A statement of many rows, written by hand: building one in Kysely takes longer than running it. */
export interface RowStatement {
  /** `insert into t (a, b)`: the rows follow. */
  readonly head: string
  /** SQL types of the columns, in their order. */
  readonly types: readonly ColumnType[]
  /** What follows the rows: `on conflict do nothing`. */
  readonly tail: string
}

export type ColumnType = keyof typeof arrayOf

/** A column as PostgreSQL reads it, much faster than a parameter for each value. */
const arrayOf = {
  bigint: (column: Column): unknown =>
    bigintArray(column(value => (typeof value === 'bigint' ? value : Number(value)))),
  'double precision': (column: Column): unknown => doubleArray(column(Number)),
  text: (column: Column): unknown =>
    textArray(column(value => (value === null || typeof value === 'string' ? value : String(value)))),
}

/** The values of a column, each made what it is sent as. */
type Column = <To>(sent: (value: Value) => To) => readonly To[]

/** A database or a transaction, whichever tables its owner sees. */
type Asked = Pick<Kysely<never>, 'executeQuery' | 'getExecutor'>
type Runner = AnyTx | Asked

/** A text may be null. */
export type Value = string | Int64 | null

/** On SQLite few texts, so that it keeps them prepared: as many rows as these, the largest that fit first. */
const sizes = [250, 50, 10, 5, 3, 2, 1] as const
const texts = new Map<string, string>()

/** Runs a statement for all rows, whose values follow each other, in their order. Gives the rows that it returns. */
export async function runRows<Row>(
  on: Runner,
  statement: RowStatement,
  values: readonly Value[],
): Promise<readonly Row[]> {
  const own = on as Asked
  if (values.length === 0) return []
  if (engineOf(own) === 'postgres') {
    const parameters = statement.types.map((type, column) =>
      arrayOf[type](columnOf(values, column, statement.types.length)),
    )
    return (await own.executeQuery<Row>(CompiledQuery.raw(arrayText(statement), parameters))).rows
  }
  const returned: Row[] = []
  const width = statement.types.length
  for (let start = 0; start < values.length;) {
    const size = sizes.find(most => most * width <= values.length - start)!
    const part = values.slice(start, start + size * width)
    const { rows } = await own.executeQuery<Row>(CompiledQuery.raw(valuesText(statement, size), part))
    returned.push(...rows)
    start += size * width
  }
  return returned
}

function valuesText({ head, types, tail }: RowStatement, rows: number): string {
  const key = `${rows} ${head} ${tail}`
  const known = texts.get(key)
  if (known !== undefined) return known
  const row = `(${types.map(() => '?').join(',')})`
  const text = `${head} values ${Array.from({ length: rows }, () => row).join(',')} ${tail}`
  texts.set(key, text)
  return text
}

/** Each array is taken apart where rows are made [SRFs in the select list]: `from unnest(…)` first keeps all of them aside. */
const arrayText = ({ head, types, tail }: RowStatement): string =>
  prepared(`${head} select ${types.map((type, index) => `unnest($${index + 1}::${type}[])`).join(', ')} ${tail}`)

const columnOf =
  (values: readonly Value[], column: number, width: number): Column =>
  <To>(sent: (value: Value) => To) => {
    const found = Array<To>(values.length / width)
    for (let row = 0; row < found.length; row++) found[row] = sent(values[row * width + column]!)
    return found
  }

/** Runs a statement that is written by hand, with `?` for each value. Gives the rows that it returns. */
export async function runText<Row>(on: Runner, text: string, values: readonly Value[]): Promise<readonly Row[]> {
  const own = on as Asked
  const known = engineOf(own) === 'postgres' ? numbered(text) : text
  return (await own.executeQuery<Row>(CompiledQuery.raw(known, [...values]))).rows
}

const numberedTexts = new Map<string, string>()

function numbered(text: string): string {
  const known = numberedTexts.get(text)
  if (known !== undefined) return known
  let count = 0
  const made = prepared(text.replaceAll('?', () => `$${++count}`))
  numberedTexts.set(text, made)
  return made
}
