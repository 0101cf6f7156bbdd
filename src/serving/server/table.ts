import type { BundleManifest } from '../bundle.ts'
import {
  checkedColumn,
  expectedOf,
  namesOf,
  positionsOf,
  requireRows,
  show,
  unknownInput,
  type Bound,
  type Column,
} from './bind.ts'
import { requireObject, type Members } from './json-body.ts'
import { readSubjects, type Subjects } from './lookup.ts'
import { badRequest } from './request-error.ts'

/** Rows of named values, as tables and lists of objects have them. */
export interface Table {
  readonly names: readonly string[]
  readonly rows: number
  /** The values of a column by its place; made when it is asked for, as a table may have many that no model knows. */
  column(place: number): ArrayLike<unknown>
}

type Model = Pick<BundleManifest, 'signature' | 'service' | 'inputs'>

/** The column with the instant that a row is about. */
const instantColumn = 'event_time'
const columnsMax = 10_000

/**
 * Checks a table against a model: columns by name, in any order. A column named as the key of the entity says whose
 * features are looked up, `event_time` as of when. `strict` refuses columns that the model does not know; else they are
 * left out, as a table often has more than the model needs. Throws `RequestError`.
 */
export function bindTable(model: Model, table: Table, { strict }: { strict: boolean }): Bound & Subjects {
  requireRows('The table', table.rows)
  if (table.names.length > columnsMax)
    throw badRequest(`The table: ${table.names.length} columns, expected at most ${columnsMax}.`)
  const { signature, service } = model
  const filled: string[] = []
  const positions = positionsOf(signature)
  const columns: (Column | undefined)[] = signature.inputs.map(() => undefined)
  const subjects: Record<string, readonly unknown[]> = {}
  const expected = expectedOf(model)
  const others = new Set<string>()
  for (let place = 0; place < table.names.length; place++) {
    const name = table.names[place]!
    const index = positions.get(name)
    if (index === undefined ? others.has(name) : columns[index] !== undefined)
      throw badRequest(`Column ${show(name)} is given twice.`)
    if (index !== undefined) {
      columns[index] = checkedColumn(expected[index]!, table.column(place), filled)
      continue
    }
    others.add(name)
    if (name === service?.entityKey) subjects['entity'] = Array.from(table.column(place))
    else if (name === instantColumn) subjects['event_time'] = Array.from(table.column(place))
    else if (strict) throw unknownInput(signature, name)
  }
  return { rows: table.rows, columns, filled, ...readSubjects(subjects) }
}

/** Reads a list of objects. A name that only some of them have is missing in the others. */
export function tableOfRecords(records: readonly unknown[], what: string): Table {
  requireRows(what, records.length)
  const objects = records.map((record, row) => requireObject(record, `${what}, row ${row + 1}: expected an object`))
  const names = [...new Set(objects.flatMap(record => Object.keys(record)))]
  return { names, rows: records.length, column: place => objects.map(record => element(record[names[place]!])) }
}

/** Reads a list of values for each name. */
export function tableOfColumns(columns: Members, what: string): Table {
  const lists = Object.entries(columns).map(([name, values]) => {
    if (Array.isArray(values)) return values.map(element)
    throw badRequest(`${what}, column ${show(name)}: expected a list of values, not ${show(values)}.`)
  })
  const rows = lists[0]?.length ?? 0
  const odd = lists.findIndex(({ length }) => length !== rows)
  if (odd >= 0)
    throw badRequest(
      `${what}, column ${show(Object.keys(columns)[odd])}: ${lists[odd]!.length} rows, the first has ${rows}.`,
      'shape',
    )
  return { names: Object.keys(columns), rows, column: place => lists[place]! }
}

/** Rows of values in the order of `names`. Throws `RequestError` for the first row that has more or fewer. */
export function tableOfRows(names: readonly string[], rows: readonly unknown[], what: string): Table {
  requireRows(what, rows.length)
  for (let row = 0; row < rows.length; row++) {
    const values = rows[row]
    const width = Array.isArray(values) ? values.length : undefined
    if (width !== names.length)
      throw badRequest(
        `${what}, row ${row + 1}: ${width === undefined ? show(values) : `${width} values`}, expected a list of ${names.length}: ${brief(names)}.`,
        'shape',
      )
  }
  return { names, rows: rows.length, column: place => columnOf(rows as readonly (readonly unknown[])[], place) }
}

/** One place of each row. Begun with its first value, a list of numbers is one of numbers at once. */
function columnOf(rows: readonly (readonly unknown[])[], place: number): readonly unknown[] {
  const column = [element(rows[0]![place])]
  for (let row = 1; row < rows.length; row++) column.push(element(rows[row]![place]))
  return column
}

/** Names for a sentence: the first of them. */
export const brief = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')}, …` : names.join(', ')

/**
 * Rows as they come: objects, lists in the order of the signature's inputs, or bare values where it has one.
 * @param what Begins the sentence about a row that is none.
 */
export function tableOfInstances({ signature }: Model, instances: unknown, what: string): Table {
  if (!Array.isArray(instances)) throw badRequest(`${what} must be a list of rows, not ${show(instances)}.`)
  const names = namesOf(signature)
  const [first] = instances as readonly unknown[]
  if (Array.isArray(first)) return tableOfRows(names, instances, what)
  const isObject = first !== null && typeof first === 'object' && !isBytes(first)
  if (isObject) return tableOfRecords(instances, what)
  return tableOfRows(names, names.length === 1 ? instances.map((value: unknown) => [value]) : instances, what)
}

const isBytes = (value: object): value is { b64: string } =>
  typeof (value as Members)['b64'] === 'string' && Object.keys(value).length === 1

/** A value of one row: `[x]` is x, as the second dimension of a column has one place; `{"b64": …}` is a text. */
function element(value: unknown): unknown {
  if (typeof value !== 'object') return value
  const inner: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
  return inner !== null && typeof inner === 'object' && isBytes(inner)
    ? Buffer.from(inner.b64, 'base64').toString()
    : inner
}
