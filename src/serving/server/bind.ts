import { parseDay, parseInstant } from '#features/request.ts'
import type { InputRule } from '#project/input-rule.ts'
import type { Signature, Tensor } from '#registry'
import type { BundleManifest } from '../bundle.ts'
import { protocolKind } from '../requested.ts'
import { firstOutOfRange } from './integer-range.ts'
import { badRequest, RequestError } from './request-error.ts'

/** Values of one input, row by row. Integers of 64 bits that a number cannot hold are bigints. */
export type Column = ArrayLike<number | string | bigint>

/** A request as the model takes it: a column for each input of the signature, undefined where the request has none. */
export interface Bound {
  /** Inputs of which values were missing and have been filled, as their rules say. */
  readonly filled: string[]
  /** 0 when the request has no inputs at all: the entities then say how many rows there are. */
  readonly rows: number
  readonly columns: (Column | undefined)[]
}

/** What a request is bound to. */
export type BoundModel = Pick<BundleManifest, 'signature' | 'inputs'>

/** A tensor of a request, whatever protocol it came by. `data` is row by row, flat, or nested as the shape says. */
export interface GivenTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly data: ArrayLike<unknown>
}

export const rowsMax = 10_000
const textMax = 65_536

/**
 * Checks the tensors of a request against a signature. Throws `RequestError` that names the tensor and, where there is
 * one, the row, and says what is expected.
 */
export function bindTensors(model: BoundModel, tensors: readonly GivenTensor[]): Bound {
  const { signature } = model
  const filled: string[] = []
  const columns: (Column | undefined)[] = signature.inputs.map(() => undefined)
  const positions = positionsOf(signature)
  const expected = expectedOf(model)
  let rows = 0
  for (const given of tensors) {
    const index = positions.get(given.name)
    if (index === undefined) throw unknownInput(signature, given.name)
    if (columns[index]) throw badRequest(`Input ${given.name} is given twice.`)
    const column = readColumn(expected[index]!, given, filled)
    if (rows > 0 && column.length !== rows)
      throw badRequest(`Input ${given.name} has ${column.length} rows, the inputs before it have ${rows}.`, 'shape')
    rows = column.length
    columns[index] = column
  }
  return { rows, columns, filled }
}

export const unknownInput = (signature: Signature, name: string): RequestError =>
  badRequest(`Input ${show(name)} is unknown; the inputs are ${namesOf(signature).join(', ')}.`, 'unknown')

/** The inputs of a signature, found out once for each. */
interface Inputs {
  readonly names: readonly string[]
  readonly positions: ReadonlyMap<string, number>
}

const known = new WeakMap<Signature, Inputs>()

function inputsOf(signature: Signature): Inputs {
  let found = known.get(signature)
  if (found) return found
  const names = signature.inputs.map(({ name }) => name)
  known.set(signature, (found = { names, positions: new Map(names.map((name, index) => [name, index])) }))
  return found
}

export const namesOf = (signature: Signature): readonly string[] => inputsOf(signature).names

/** The place of each input in the signature. */
export const positionsOf = (signature: Signature): ReadonlyMap<string, number> => inputsOf(signature).positions

/** One input of a model, with all that its values are checked against. */
export interface Expected extends Tensor {
  readonly rule: InputRule | undefined
  readonly check: Check
}

const expectations = new WeakMap<BoundModel, readonly Expected[]>()

/** The inputs of a model, in the order of its signature; found out once for each. */
export function expectedOf(model: BoundModel): readonly Expected[] {
  let found = expectations.get(model)
  if (found) return found
  found = model.signature.inputs.map(input => ({
    ...input,
    rule: ruleOf(model, input.name),
    check: checks[input.datatype] ?? checks['BYTES']!,
  }))
  expectations.set(model, found)
  return found
}

const reals = ['FP16', 'BF16', 'FP32', 'FP64']
const integers = ['INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64']

/** What a client may declare for an input of each datatype: numbers widen, nothing else converts. */
const accepted: Readonly<Record<string, readonly string[]>> = {
  FP32: [...reals, ...integers],
  FP64: [...reals, ...integers],
  INT64: integers,
  INT32: integers,
  BOOL: ['BOOL'],
  BYTES: ['BYTES'],
  WHOLE: integers,
  DATE: ['BYTES', ...integers],
  TIMESTAMP: ['BYTES', ...integers],
}

function readColumn(input: Expected, given: GivenTensor, filled: string[]): Column {
  const { name, datatype } = input
  const { shape } = given
  const rows = shape[0] ?? -1
  if (!accepted[datatype]?.includes(given.datatype))
    throw badRequest(`Input ${name}: datatype ${show(given.datatype)}, ${shapeOf(input)}.`, 'type')
  if (rows < 0 || shape.length > 2 || (shape.length === 2 && shape[1] !== 1))
    throw badRequest(`Input ${name}: shape ${show(given.shape)}, ${shapeOf(input)}.`, 'shape')
  requireRows('Input', rows, name)
  if (given.data.length !== rows)
    throw badRequest(
      `Input ${name}: ${given.data.length} elements in "data", shape ${show(given.shape)} expects ${rows}.`,
      'shape',
    )
  const elements = Array.isArray(given.data[0]) ? unwrapped(name, given.data) : given.data
  if (given.datatype !== datatype) requireInRange(name, given.datatype, elements)
  return checkedColumn(input, elements, filled)
}

/** A client that names another type of integer than the model's has to keep to it: its value is none that it means. */
function requireInRange(name: string, datatype: string, elements: ArrayLike<unknown>): void {
  const row = firstOutOfRange(elements, datatype)
  if (row >= 0)
    throw badRequest(
      `Input ${name}, row ${row + 1}: ${show(elements[row])} is no ${datatype}, as it is declared.`,
      'type',
    )
}

const shapeOf = ({ datatype }: Tensor): string => `expected ${protocolKind(datatype)} with shape [N,1] or [N]`

/** Throws unless a request may have so many rows. `what`, and the name if there is one, begin the sentence. */
export function requireRows(what: string, rows: number, name = ''): void {
  if (rows > 0 && rows <= rowsMax) return
  throw badRequest(`${what}${name && ` ${name}`}: ${rows} rows, expected 1 to ${rowsMax}.`, 'shape')
}

/** The elements of a nested column, `[[1],[2]]`. */
function unwrapped(name: string, data: ArrayLike<unknown>): readonly unknown[] {
  return Array.from(data, (element, row) => {
    if (Array.isArray(element) && element.length === 1) return element[0] as unknown
    throw badRequest(
      `Input ${name}, row ${row + 1}: ${show(element)} is not a list of one element, as in the first row.`,
      'shape',
    )
  })
}

/**
 * Values of an input as the model takes them: the elements themselves when they are so already, as most are. Throws
 * `RequestError` for the first that it does not take. The name of the input is added to `filled` when one was missing and
 * has been filled.
 */
export function checkedColumn(input: Expected, elements: ArrayLike<unknown>, filled: string[]): Column {
  const { check, rule } = input
  let changed: (number | string | bigint)[] | undefined
  for (let row = 0; row < elements.length; row++) {
    const element = elements[row]
    const value = check(element) ?? filledIn(input, { element, row }, filled)
    if (rule && !isMissing(element)) requireAllowed(rule, value, { name: input.name, row })
    if (changed === undefined && value !== element) changed = Array.from(elements as Column).slice(0, row)
    changed?.push(value)
  }
  return changed ?? (elements as Column)
}

/** What stands for an element that is no value. Throws `RequestError` when nothing does. */
function filledIn(
  { name, datatype, rule }: Expected,
  { element, row }: { element: unknown; row: number },
  filled: string[],
): number | string | bigint {
  const filling = rule && isMissing(element) ? fillingOf(rule, datatype) : undefined
  if (filling === undefined) throw refused(element, datatype, { name, row })
  if (filled.at(-1) !== name) filled.push(name)
  return filling
}

const isMissing = (value: unknown): boolean => value === null || value === undefined || Number.isNaN(value)

/** The rule that is declared for an input. */
export const ruleOf = ({ inputs }: BoundModel, name: string): InputRule | undefined =>
  inputs && Object.hasOwn(inputs, name) ? inputs[name] : undefined

/** What stands for a missing value; undefined when it is refused. */
export function fillingOf(
  { missing, default: value }: InputRule,
  datatype: string,
): number | string | bigint | undefined {
  if (missing === 'pass') return NaN
  return missing === 'default' ? checkValue(value, datatype) : undefined
}

function requireAllowed({ min, max, values }: InputRule, value: number | string | bigint, { name, row }: Place): void {
  const isLess = min !== undefined && (value as number) < min
  const isMore = max !== undefined && (value as number) > max
  if (!isLess && !isMore && (!values || values.includes(value as number))) return
  const allowed = isLess
    ? `less than ${min}`
    : isMore
      ? `more than ${max}`
      : `not one of ${values!.map(show).join(', ')}`
  throw badRequest(`Input ${name}, row ${row + 1}: ${show(value)} is ${allowed}.`, 'range')
}

/** Where a value stands, for messages; rows are counted from 0 here and from 1 there. */
export interface Place {
  readonly name: string
  readonly row: number
}

/** An integer of a JSON body that was rounded when it was parsed: the body has to be read again with its digits. */
export class RoundedInteger extends RequestError {}

const float32Max = 3.4028234663852886e38
const int32Max = 2_147_483_647
const int64Max = 2n ** 63n - 1n

type Check = (value: unknown) => number | string | bigint | undefined

const integer = (value: unknown): value is number => Number.isSafeInteger(value)

/** For each datatype: the value as the model takes it, or undefined. */
const checks: Readonly<Record<string, Check>> = {
  FP32: value => {
    const number = typeof value === 'bigint' ? Number(value) : value
    return typeof number === 'number' && Math.abs(number) <= float32Max ? number : undefined
  },
  FP64: value => {
    const number = typeof value === 'bigint' ? Number(value) : value
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined
  },
  INT64: value => {
    if (integer(value)) return value
    if (typeof value !== 'bigint' || value > int64Max || value < -int64Max - 1n) return undefined
    return integer(Number(value)) ? Number(value) : value
  },
  INT32: value => {
    const number = typeof value === 'bigint' ? Number(value) : value
    return integer(number) && number <= int32Max && number >= -int32Max - 1 ? number : undefined
  },
  BOOL: value => (typeof value === 'boolean' || value === 0 || value === 1 ? Number(value) : undefined),
  BYTES: value => (typeof value === 'string' && value.length <= textMax ? value : undefined),
  WHOLE: value => {
    const number = typeof value === 'bigint' ? Number(value) : value
    return integer(number) ? number : undefined
  },
  DATE: value => (typeof value === 'string' ? (parseDay(value) ?? undefined) : milliseconds(value)),
  TIMESTAMP: value => (typeof value === 'string' ? (parseInstant(value) ?? undefined) : milliseconds(value)),
}

const milliseconds = (value: unknown): number | undefined => {
  const number = typeof value === 'bigint' ? Number(value) : value
  return integer(number) && Math.abs(number) <= instantMax ? number : undefined
}

/** The year 9999. */
const instantMax = 253_402_300_799_999

const wanted: Readonly<Record<string, string>> = {
  FP32: 'a finite number of 32 bits; missing values are not accepted',
  FP64: 'a finite number; missing values are not accepted',
  INT64: 'a whole number of 64 bits; missing values are not accepted',
  INT32: 'a whole number of 32 bits; missing values are not accepted',
  BOOL: 'true or false',
  BYTES: `a text of at most ${textMax} characters`,
  WHOLE: `a whole number of at most ${Number.MAX_SAFE_INTEGER}; missing values are not accepted`,
  DATE: 'a date as 2026-11-29',
  TIMESTAMP: 'an instant: milliseconds since 1970, or ISO 8601',
}

/** The value as the model takes it; undefined when it is of another kind. */
export const checkValue = (value: unknown, datatype: string): number | string | bigint | undefined =>
  checks[datatype]?.(value)

/** The value as the model takes it. Throws `RequestError` naming input and row when it is missing or of another kind. */
export function requireValue(value: unknown, datatype: string, place: Place): number | string | bigint {
  const checked = checkValue(value, datatype)
  if (checked !== undefined) return checked
  throw refused(value, datatype, place)
}

function refused(value: unknown, datatype: string, { name, row }: Place): RequestError {
  const sentence = `Input ${name}, row ${row + 1}: ${show(value)} is not ${wanted[datatype] ?? 'of the expected kind'}.`
  const isRounded = datatype === 'INT64' && Number.isInteger(value) && Math.abs(value as number) < 2 ** 64
  return isRounded
    ? new RoundedInteger('invalid', sentence)
    : badRequest(sentence, isMissing(value) ? 'missing' : 'type')
}

/** Any value as a short text, for messages. */
export function show(value: unknown): string {
  const text = plain(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function plain(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  try {
    return JSON.stringify(value) ?? 'nothing'
  } catch {
    // Nested deeper than can be written.
    return Array.isArray(value) ? '[…]' : '{…}'
  }
}
