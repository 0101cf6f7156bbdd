import type { Signature, Tensor } from '#registry'
import { badRequest } from './request-error.ts'

/** Values of one input, row by row. */
export type Column = number[] | string[]

/** A request as the model takes it: a column for each input of the signature, undefined where the request has none. */
export interface Bound {
  /** 0 when the request has no inputs at all: the entities then say how many rows there are. */
  readonly rows: number
  readonly columns: (Column | undefined)[]
}

const rowsMax = 10_000
const textMax = 65_536

/**
 * Checks the `inputs` of an inference request [Open Inference Protocol 2, REST] against a signature. Throws
 * `RequestError` that names the tensor and, where there is one, the row, and says what is expected.
 */
export function bindInputs(signature: Signature, inputs: unknown): Bound {
  if (inputs !== undefined && !Array.isArray(inputs)) throw badRequest('"inputs" must be a list of tensors.')
  const columns: (Column | undefined)[] = signature.inputs.map(() => undefined)
  const positions = positionsOf(signature)
  let rows = 0
  for (const input of (inputs ?? []) as unknown[]) {
    const given = requireTensor(input)
    const index = positions.get(given.name)
    if (index === undefined)
      throw badRequest(`Input ${show(given.name)} is unknown; the inputs are ${names(signature)}.`)
    if (columns[index]) throw badRequest(`Input ${given.name} is given twice.`)
    const column = readColumn(signature.inputs[index]!, given)
    if (rows > 0 && column.length !== rows)
      throw badRequest(`Input ${given.name} has ${column.length} rows, the inputs before it have ${rows}.`)
    rows = column.length
    columns[index] = column
  }
  return { rows, columns }
}

const known = new WeakMap<Signature, ReadonlyMap<string, number>>()

/** The place of each input in the signature, made once for each signature. */
function positionsOf(signature: Signature): ReadonlyMap<string, number> {
  const found = known.get(signature) ?? new Map(signature.inputs.map(({ name }, index) => [name, index]))
  known.set(signature, found)
  return found
}

interface GivenTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

function requireTensor(input: unknown): GivenTensor {
  if (input === null || typeof input !== 'object' || Array.isArray(input))
    throw badRequest(`An input must be an object with name, shape, datatype and data, not ${show(input)}.`)
  const { name, datatype, shape, data, parameters } = input as Record<string, unknown>
  if (typeof name !== 'string') throw badRequest(`An input needs a "name", a text, not ${show(name)}.`)
  if (data === undefined && parameters !== undefined)
    throw badRequest(
      `Input ${show(name)} has no "data": binary tensors and shared memory are not supported, send JSON.`,
    )
  if (typeof datatype !== 'string')
    throw badRequest(`Input ${show(name)} needs a "datatype" such as FP32, not ${show(datatype)}.`)
  if (!Array.isArray(shape) || !shape.every(dim => Number.isSafeInteger(dim) && dim >= 0))
    throw badRequest(`Input ${show(name)} needs a "shape" of whole numbers such as [1,1], not ${show(shape)}.`)
  if (!Array.isArray(data)) throw badRequest(`Input ${show(name)} needs "data", a list, not ${show(data)}.`)
  return { name, datatype, shape, data }
}

const reals = ['FP16', 'FP32', 'FP64']
const integers = ['INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64']

/** What a client may declare for an input of each datatype: numbers widen, nothing else converts. */
const accepted: Readonly<Record<string, readonly string[]>> = {
  FP32: [...reals, ...integers],
  FP64: [...reals, ...integers],
  INT64: integers,
  INT32: integers,
  BOOL: ['BOOL'],
  BYTES: ['BYTES'],
}

function readColumn({ name, datatype }: Tensor, given: GivenTensor): Column {
  const [rows = -1, width = 1, ...more] = given.shape
  const expected = `expected ${datatype} with shape [N,1] or [N]`
  if (!accepted[datatype]?.includes(given.datatype))
    throw badRequest(`Input ${name}: datatype ${show(given.datatype)}, ${expected}.`)
  if (rows < 0 || width !== 1 || more.length > 0)
    throw badRequest(`Input ${name}: shape ${show(given.shape)}, ${expected}.`)
  if (rows === 0 || rows > rowsMax) throw badRequest(`Input ${name}: ${rows} rows, expected 1 to ${rowsMax}.`)
  if (given.data.length !== rows)
    throw badRequest(
      `Input ${name}: ${given.data.length} elements in "data", shape ${show(given.shape)} expects ${rows}.`,
    )
  const isNested = Array.isArray(given.data[0])
  const column: unknown[] = Array.from({ length: rows })
  for (let row = 0; row < rows; row++) {
    const element = isNested ? unwrap(given.data[row], { name, row }) : given.data[row]
    column[row] = requireValue(element, datatype, { name, row })
  }
  return column as Column
}

function unwrap(element: unknown, { name, row }: Place): unknown {
  if (Array.isArray(element) && element.length === 1) return element[0]
  throw badRequest(`Input ${name}, row ${row + 1}: ${show(element)} is not a list of one element, as in the first row.`)
}

/** Where a value stands, for messages; rows are counted from 0 here and from 1 there. */
export interface Place {
  readonly name: string
  readonly row: number
}

const float32Max = 3.4028234663852886e38
const int32Max = 2_147_483_647

/** The value as the model takes it. Throws `RequestError` naming input and row when it is missing or of another kind. */
export function requireValue(value: unknown, datatype: string, place: Place): number | string {
  switch (datatype) {
    case 'FP32':
      if (typeof value === 'number' && Math.abs(value) <= float32Max) return value
      break
    case 'FP64':
      if (typeof value === 'number' && Number.isFinite(value)) return value
      break
    case 'INT64':
      if (Number.isSafeInteger(value)) return value as number
      break
    case 'INT32':
      if (Number.isSafeInteger(value) && Math.abs(value as number) <= int32Max) return value as number
      break
    case 'BOOL':
      if (typeof value === 'boolean' || value === 0 || value === 1) return Number(value)
      break
    default:
      if (typeof value === 'string' && value.length <= textMax) return value
  }
  throw badRequest(
    `Input ${place.name}, row ${place.row + 1}: ${show(value)} is not ${wanted[datatype] ?? 'of the expected kind'}.`,
  )
}

const wanted: Readonly<Record<string, string>> = {
  FP32: 'a finite number of 32 bits; missing values are not accepted',
  FP64: 'a finite number; missing values are not accepted',
  INT64: 'a whole number up to 2^53',
  INT32: 'a whole number of 32 bits',
  BOOL: 'true or false',
  BYTES: `a text of at most ${textMax} characters`,
}

const names = ({ inputs }: Signature): string => inputs.map(({ name }) => name).join(', ')

/** Any value as a short text, for messages. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
