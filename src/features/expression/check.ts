import { beginnings, clockOf, counts, parseDay, parseInstant, parts } from './calendar.ts'
import type { Expression, Value, ValueType } from './expression.ts'
import { casts, functions, typeNames, type Overload } from './functions.ts'
import { parseSelect, type Syntax } from './parse.ts'
import { SyntaxProblem } from './tokens.ts'

/** One feature of a request view. */
export interface Computed {
  readonly name: string
  readonly type: ValueType
  readonly expression: Expression
}

/** Undefined is the type of NULL, which is of every type. */
interface Typed {
  readonly type: ValueType | undefined
  readonly of: Expression
}

interface Scope {
  readonly columns: Readonly<Record<string, ValueType>>
  /** What the SELECT has named before. */
  readonly named: Map<string, Typed>
  /** Parts of expressions that are left: names that are used again count again. */
  left: number
}

const partsMax = 5_000

/**
 * Reads a file of SQL, `SELECT … FROM request`, and checks it against the columns that it may read. Throws
 * `SyntaxProblem` with the line and what is allowed there.
 */
export function checkSelect(sql: string, columns: Readonly<Record<string, ValueType>>): Computed[] {
  const scope: Scope = { columns, named: new Map(), left: partsMax }
  return parseSelect(sql).map(({ name, of: syntax }) => {
    const found = typed(scope, syntax)
    if (found.type === undefined) throw new SyntaxProblem(syntax.line, `${name}: a type: CAST(NULL AS …)`)
    if (scope.named.has(name)) throw new SyntaxProblem(syntax.line, `${name} is the name of two columns`)
    scope.named.set(name, found)
    return { name, type: found.type, expression: found.of }
  })
}

function typed(scope: Scope, syntax: Syntax): Typed {
  if (scope.left-- <= 0) throw new SyntaxProblem(syntax.line, `more than ${partsMax} parts in all expressions`)
  switch (syntax.kind) {
    case 'column':
      return columnOf(scope, syntax)
    case 'value':
      return { type: literalType(syntax), of: { value: literal(syntax) } }
    case 'cast':
      return cast(typed(scope, syntax.of), syntax)
    case 'call': {
      const special = specials[syntax.name]
      return special
        ? special(scope, syntax)
        : called(
            syntax,
            syntax.of.map(each => typed(scope, each)),
          )
    }
  }
}

function columnOf(scope: Scope, { name, line }: { name: string; line: number }): Typed {
  const { columns, named } = scope
  const known = (names: Iterable<string>): string | undefined => {
    const all = [...names]
    return all.includes(name) ? name : all.find(each => each.toLowerCase() === name.toLowerCase())
  }
  const column = known(Object.keys(columns))
  if (column !== undefined) return { type: columns[column]!, of: { column } }
  const earlier = known(named.keys())
  if (earlier === undefined)
    throw new SyntaxProblem(line, `${name}: no column of request; it has ${Object.keys(columns).join(', ')}`)
  const found = named.get(earlier)!
  scope.left -= sizeOf(found.of)
  return found
}

const sizeOf = (of: Expression): number => ('call' in of ? of.of.reduce((sum, each) => sum + sizeOf(each), 1) : 1)

type ValueSyntax = Extract<Syntax, { kind: 'value' }>
type CallSyntax = Extract<Syntax, { kind: 'call' }>

function literalType({ value, isWhole, line }: ValueSyntax): ValueType | undefined {
  if (value === null) return undefined
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'string') return 'string'
  if (!Number.isFinite(value)) throw new SyntaxProblem(line, 'a finite number')
  return isWhole && Number.isSafeInteger(value) ? 'integer' : 'number'
}

const literal = ({ value }: ValueSyntax): Value => value

/** Whether a value of one type may stand where the other is wanted. */
const fits = (given: ValueType | undefined, wanted: ValueType): boolean =>
  given === undefined ||
  given === wanted ||
  (given === 'integer' && wanted === 'number') ||
  (given === 'date' && wanted === 'timestamp')

const takes = ({ takes: wanted }: Overload, given: readonly Typed[]): boolean =>
  wanted.length === given.length && wanted.every((type, at) => fits(given[at]!.type, type))

function called({ name, line }: CallSyntax, given: readonly Typed[]): Typed {
  const ways = functions.get(name)
  if (!ways) throw new SyntaxProblem(line, `${name}: no function of a row; there are ${known().join(', ')}`)
  const way = ways.find(each => takes(each, given))
  if (way) return { type: way.gives, of: { call: way.operation, of: given.map(({ of }) => of) } }
  const types = given.map(({ type }) => type ?? 'NULL').join(', ')
  const allowed = ways.map(each => `(${each.takes.join(', ')})`).join(', ')
  const hint = name === '-' && given.every(({ type }) => type === 'timestamp') ? '; between timestamps: date_diff' : ''
  throw new SyntaxProblem(line, `${name} does not take (${types}): it takes ${allowed}${hint}`)
}

const known = (): string[] =>
  [...functions.keys(), ...Object.keys(specials)]
    .filter(name => /^[a-z]\w*$/.test(name) && !hidden.has(name))
    .toSorted()
/** Written otherwise. */
const hidden: ReadonlySet<string> = new Set(['and', 'or', 'not', 'is', 'in', 'negate', 'case', 'timezone'])

function cast(given: Typed, { to, line }: { to: string; line: number }): Typed {
  const type = typeNames[to.toLowerCase()]
  if (!type)
    throw new SyntaxProblem(line, `${to}: no type; there are boolean, bigint, double, varchar, date, timestamp`)
  const operation = casts.get(`${given.type} ${type}`)
  if (!operation && !fits(given.type, type))
    throw new SyntaxProblem(line, `a ${given.type} cannot be cast to ${to.toLowerCase()}`)
  const isKnownText = 'value' in given.of && typeof given.of.value === 'string'
  if (isKnownText && (type === 'date' || type === 'timestamp')) return constant(given.of, { type, line })
  return operation ? { type, of: { call: operation, of: [given.of] } } : { ...given, type }
}

function constant(of: Expression, { type, line }: { type: 'date' | 'timestamp'; line: number }): Typed {
  const text = (of as { value: string }).value
  const value = type === 'date' ? parseDay(text) : parseInstant(text)
  if (value === null) throw new SyntaxProblem(line, `'${text}' is no ${type} in ISO 8601`)
  return { type, of: { value } }
}

/** The one type of all of them. */
function common(line: number, given: readonly Typed[]): ValueType | undefined {
  const types = given.map(({ type }) => type)
  const widest = types.find(type => type !== undefined && types.every(other => fits(other, type)))
  if (widest !== undefined || types.every(type => type === undefined)) return widest
  throw new SyntaxProblem(
    line,
    `values of one type, not ${[...new Set(types)].map(type => type ?? 'NULL').join(' and ')}`,
  )
}

type Special = (scope: Scope, syntax: CallSyntax) => Typed

const all = (scope: Scope, of: readonly Syntax[]): Typed[] => of.map(each => typed(scope, each))

/** Any number of values of one type. */
const joint =
  (operation: string, least = 1): Special =>
  (scope, { of, line, name }) => {
    if (of.length < least) throw new SyntaxProblem(line, `${name} takes at least ${least} values`)
    const given = all(scope, of)
    return { type: common(line, given), of: { call: operation, of: given.map(each => each.of) } }
  }

/** A function whose first argument is a unit of time, which is one function for each. */
const byUnit =
  (units: Readonly<Record<string, unknown>>, operation: string, gives: ValueType, count: number): Special =>
  (scope, { of, line, name }) => {
    const [unit, ...rest] = of
    const word = unit?.kind === 'value' && typeof unit.value === 'string' ? unit.value.toLowerCase() : undefined
    const found =
      word &&
      (Object.hasOwn(units, word) ? word : Object.hasOwn(units, word.replace(/s$/, '')) && word.replace(/s$/, ''))
    if (!found)
      throw new SyntaxProblem(
        line,
        `${name} takes one of these first: ${Object.keys(units)
          .map(each => `'${each}'`)
          .join(', ')}`,
      )
    const given = all(scope, rest)
    if (given.length !== count || !given.every(({ type }) => fits(type, 'timestamp')))
      throw new SyntaxProblem(line, `${name} takes a unit and ${count === 1 ? 'a timestamp' : 'two timestamps'}`)
    return { type: gives, of: { call: `${operation}${found}`, of: given.map(each => each.of) } }
  }

const dayParts: Readonly<Record<string, string>> = { dow: 'dayofweek', doy: 'dayofyear' }

const specials: Readonly<Record<string, Special>> = {
  coalesce: joint('coalesce'),
  ifnull: joint('coalesce', 2),
  greatest: (scope, syntax) => ordered('greatest', scope, syntax),
  least: (scope, syntax) => ordered('least', scope, syntax),
  date_trunc: byUnit(beginnings, 'trunc_', 'timestamp', 1),
  date_diff: byUnit(counts, 'diff_', 'integer', 2),
  datediff: byUnit(counts, 'diff_', 'integer', 2),
  date_part(scope, syntax) {
    const [unit, ...rest] = syntax.of
    if (unit?.kind !== 'value' || typeof unit.value !== 'string')
      throw new SyntaxProblem(syntax.line, 'date_part takes the name of a part first')
    const word = unit.value.toLowerCase()
    if (word === 'epoch') return called({ ...syntax, name: 'epoch' }, all(scope, rest))
    const first = { ...unit, value: dayParts[word] ?? word }
    return byUnit(parts, '', 'integer', 1)(scope, { ...syntax, of: [first, ...rest] })
  },
  nullif(scope, { of, line }) {
    const [value, other, ...more] = all(scope, of)
    if (!value || !other || more.length > 0) throw new SyntaxProblem(line, 'nullif takes two values')
    common(line, [value, other])
    return { type: value.type, of: { call: 'nullif', of: [value.of, other.of] } }
  },
  if: (scope, { of, ...syntax }) =>
    choose(scope, { ...syntax, of: of.length === 2 ? [...of, { kind: 'value', line: syntax.line, value: null }] : of }),
  case: (scope, syntax) => choose(scope, syntax),
  in(scope, { of, line }) {
    const given = all(scope, of)
    if (given.length < 2) throw new SyntaxProblem(line, 'IN takes at least one value')
    common(line, given)
    return { type: 'boolean', of: { call: 'in', of: given.map(each => each.of) } }
  },
  timezone(scope, { of, line }) {
    const [zone, instant, ...more] = all(scope, of)
    const name = zone && 'value' in zone.of && typeof zone.of.value === 'string' ? zone.of.value : undefined
    if (name === undefined || !instant || more.length > 0 || !fits(instant.type, 'timestamp'))
      throw new SyntaxProblem(line, "a timestamp AT TIME ZONE 'Europe/Berlin'")
    try {
      clockOf(name)
    } catch {
      throw new SyntaxProblem(line, `'${name}' is no time zone`)
    }
    return { type: 'timestamp', of: { call: 'local', of: [instant.of, zone!.of] } }
  },
}

function ordered(operation: string, scope: Scope, syntax: CallSyntax): Typed {
  const found = joint(operation)(scope, syntax)
  return found.type === 'string' ? { ...found, of: { ...found.of, call: `${operation}_text` } as Expression } : found
}

/** Conditions and values in turn, and a value for the rest. */
function choose(scope: Scope, { of, line, name }: CallSyntax): Typed {
  if (of.length < 3 || of.length % 2 === 0) throw new SyntaxProblem(line, `${name} takes a condition and two values`)
  const given = all(scope, of)
  const isValue = (at: number): boolean => at % 2 === 1 || at === given.length - 1
  if (given.some(({ type }, at) => !isValue(at) && !fits(type, 'boolean')))
    throw new SyntaxProblem(line, `${name}: a condition is true or false`)
  const type = common(
    line,
    given.filter((_, at) => isValue(at)),
  )
  return { type, of: { call: 'case', of: given.map(each => each.of) } }
}
