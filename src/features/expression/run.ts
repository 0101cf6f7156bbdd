import {
  beginnings,
  counts,
  dayOf,
  localTime,
  parseDay,
  parseInstant,
  parts,
  showDay,
  showInstant,
  within,
} from './calendar.ts'
import type { Expression, Value } from './expression.ts'
import * as texts from './texts.ts'

/** Computes one row of columns, each at its place. */
export type Compute = (row: readonly Value[]) => Value

/** The one function that computes expressions. `placeOf` says where the columns are. */
export function compile(expression: Expression, placeOf: (column: string) => number): Compute {
  if ('value' in expression) {
    const { value } = expression
    return () => value
  }
  if ('column' in expression) {
    const place = placeOf(expression.column)
    return row => row[place]!
  }
  const { call, of } = expression
  const given = of.map(each => compile(each, placeOf))
  const open = lenient[call]
  if (open) return open(given)
  const operation = strict[call]
  if (!operation) throw new TypeError(`There is no operation ${call}.`)
  return whereKnown(operation, given)
}

/** Most operations say null of a null. */
function whereKnown(operation: Operation, [a, b, c]: readonly Compute[]): Compute {
  if (!a) return () => operation()
  if (!b)
    return row => {
      const x = a(row)
      return x === null ? null : operation(x)
    }
  if (!c)
    return row => {
      const [x, y] = [a(row), b(row)]
      return x === null || y === null ? null : operation(x, y)
    }
  return row => {
    const [x, y, z] = [a(row), b(row), c(row)]
    return x === null || y === null || z === null ? null : operation(x, y, z)
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- what an operation takes has been checked when it was read
type Operation = (...given: any[]) => Value

/** What is no finite number is null. There is no negative zero, which JSON would lose. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value + 0 : null)
/** What is not exact in JSON is null. */
const exact = (value: number): number | null => (Number.isSafeInteger(value) ? value + 0 : null)

/** Halves go away from zero. */
function round(value: number): number {
  const whole = Math.floor(Math.abs(value))
  const up = Math.abs(value) - whole >= 0.5 ? whole + 1 : whole
  return value < 0 ? -up : up
}

/** Halves go to the even number. */
function roundEven(value: number): number {
  const [below, above] = [Math.floor(value), Math.ceil(value)]
  const isHalf = value - below === above - value
  return isHalf ? (below % 2 === 0 ? below : above) : Math.round(value)
}

function roundTo(value: number, digits: number): number | null {
  const scale = 10 ** digits
  const rounded = round(value * scale) / scale
  return Number.isFinite(rounded) ? rounded + 0 : finite(value)
}

const real =
  (operation: (x: number) => number): Operation =>
  x =>
    finite(operation(x as number))

const strict: Readonly<Record<string, Operation>> = {
  itself: x => x,
  add: (x, y) => finite(x + y),
  subtract: (x, y) => finite(x - y),
  multiply: (x, y) => finite(x * y),
  divide: (x, y) => finite(x / y),
  remainder: (x, y) => finite(x % y),
  add_integers: (x, y) => exact(x + y),
  subtract_integers: (x, y) => exact(x - y),
  multiply_integers: (x, y) => exact(x * y),
  divide_integers: (x, y) => exact((x - (x % y)) / y),
  negate: x => 0 - x,
  equal: (x, y) => x === y,
  unequal: (x, y) => x !== y,
  less: (x, y) => x < y,
  at_most: (x, y) => x <= y,
  more: (x, y) => x > y,
  at_least: (x, y) => x >= y,
  less_text: (x, y) => texts.compare(x, y) < 0,
  at_most_text: (x, y) => texts.compare(x, y) <= 0,
  more_text: (x, y) => texts.compare(x, y) > 0,
  at_least_text: (x, y) => texts.compare(x, y) >= 0,
  not: x => !x,
  abs: x => Math.abs(x),
  sign: x => Math.sign(x),
  floor: real(Math.floor),
  ceil: real(Math.ceil),
  round: real(round),
  round_to: roundTo,
  power: (x, y) => finite(x ** y),
  sqrt: real(Math.sqrt),
  exp: real(Math.exp),
  ln: real(Math.log),
  log2: real(Math.log2),
  log10: real(Math.log10),
  sin: real(Math.sin),
  cos: real(Math.cos),
  tan: real(Math.tan),
  asin: real(Math.asin),
  acos: real(Math.acos),
  atan: real(Math.atan),
  atan2: (x, y) => finite(Math.atan2(x, y)),
  radians: x => finite(x * (Math.PI / 180)),
  degrees: x => finite(x * (180 / Math.PI)),
  pi: () => Math.PI,
  join: texts.join,
  length: texts.length,
  lower: texts.lower,
  upper: texts.upper,
  trim: x => texts.trim(x, true, true),
  trim_left: x => texts.trim(x, true, false),
  trim_right: x => texts.trim(x, false, true),
  substring_from: (x, y) => texts.substring(x, y, Infinity),
  substring: texts.substring,
  left: texts.left,
  right: texts.right,
  replace: texts.replace,
  contains: (x, y) => x.includes(y),
  starts_with: (x, y) => x.startsWith(y),
  ends_with: (x, y) => x.endsWith(y),
  position: texts.position,
  add_days: (x, y) => within(x + y * dayMs),
  add_days_to: (x, y) => within(y + x * dayMs),
  subtract_days: (x, y) => within(x - y * dayMs),
  days_between: (x, y) => (x - y) / dayMs,
  epoch: x => x / 1_000,
  instant: within,
  local: localTime,
  day_of: dayOf,
  to_integer: x => exact(roundEven(Number(x))),
  to_boolean: x => x !== 0,
  read_boolean: texts.readBoolean,
  read_integer: x => (/^ *[-+]?\d+ *$/.test(x) ? exact(Number(x)) : null),
  read_number: x => (/^ *[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)? *$/.test(x) ? finite(Number(x)) : null),
  read_day: parseDay,
  read_instant: parseInstant,
  show_boolean: String,
  show_integer: String,
  show_day: showDay,
  show_instant: showInstant,
  ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, (x: number) => part(new Date(x))])),
  ...Object.fromEntries(
    Object.entries(beginnings).map(([name, beginning]) => [`trunc_${name}`, (x: number) => within(beginning(x))]),
  ),
  ...Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [`diff_${name}`, (x: number, y: number) => count(y) - count(x)]),
  ),
}

const dayMs = 86_400_000

/** Operations that know what to say of a null. */
const lenient: Readonly<Record<string, (given: readonly Compute[]) => Compute>> = {
  and:
    ([a, b]) =>
    row => {
      const [x, y] = [a!(row), b!(row)]
      return x === false || y === false ? false : x === null || y === null ? null : true
    },
  or:
    ([a, b]) =>
    row => {
      const [x, y] = [a!(row), b!(row)]
      return x === true || y === true ? true : x === null || y === null ? null : false
    },
  same:
    ([a, b]) =>
    row =>
      a!(row) === b!(row),
  coalesce: given => row => {
    for (const each of given) {
      const value = each(row)
      if (value !== null) return value
    }
    return null
  },
  nullif:
    ([a, b]) =>
    row => {
      const value = a!(row)
      return value === b!(row) ? null : value
    },
  in:
    ([a, ...list]) =>
    row => {
      const value = a!(row)
      if (value === null) return null
      let isOpen = false
      for (const each of list) {
        const other = each(row)
        if (other === value) return true
        isOpen ||= other === null
      }
      return isOpen ? null : false
    },
  case: given => row => {
    for (let at = 0; at + 1 < given.length; at += 2) if (given[at]!(row) === true) return given[at + 1]!(row)
    return given.at(-1)!(row)
  },
  greatest: given => outermost(given, (value, best) => value > best),
  least: given => outermost(given, (value, best) => value < best),
  greatest_text: given => outermost(given, (value, best) => texts.compare(value as string, best as string) > 0),
  least_text: given => outermost(given, (value, best) => texts.compare(value as string, best as string) < 0),
}

type Known = NonNullable<Value>

/** The value that beats all others; nulls are passed over. */
const outermost =
  (given: readonly Compute[], beats: (value: Known, best: Known) => boolean): Compute =>
  row => {
    let best: Value = null
    for (const each of given) {
      const value = each(row)
      if (value !== null && (best === null || beats(value, best))) best = value
    }
    return best
  }
