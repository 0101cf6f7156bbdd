import type { ValueType } from './expression.ts'

/** One way to call a function: types of its arguments, the type of its value, and the operation that computes it. */
export interface Overload {
  readonly takes: readonly ValueType[]
  readonly gives: ValueType
  readonly operation: string
}

const short: Readonly<Record<string, ValueType>> = {
  b: 'boolean',
  i: 'integer',
  n: 'number',
  s: 'string',
  d: 'date',
  t: 'timestamp',
}

/** `ii i add_integers`: two integers give an integer. Of several the first that takes the arguments is meant. */
const overload = (text: string): Overload => {
  const [takes, gives, operation] = text.replace(/^- /, ' ').split(' ') as [string, string, string]
  return { takes: Array.from(takes, letter => short[letter]!), gives: short[gives]!, operation }
}

const compared = (operation: string, ofTexts = operation): string[] => [
  `nn b ${operation}`,
  `tt b ${operation}`,
  `ss b ${ofTexts}`,
  `bb b ${operation}`,
]
const part = (name: string): string[] => [`t i ${name}`]
const same = (names: string, ways: readonly string[]): [string, readonly string[]][] =>
  names.split(' ').map(name => [name, ways])

/** By the name in SQL. A date is a timestamp where one is wanted, an integer a number. */
const table: readonly (readonly [string, readonly string[]])[] = [
  ['+', ['ii i add_integers', 'nn n add', 'di d add_days', 'id d add_days_to']],
  ['-', ['ii i subtract_integers', 'nn n subtract', 'dd i days_between', 'di d subtract_days']],
  ['*', ['ii i multiply_integers', 'nn n multiply']],
  ['/', ['nn n divide']],
  ['//', ['ii i divide_integers']],
  ...same('% mod', ['ii i remainder', 'nn n remainder']),
  ['negate', ['i i negate', 'n n negate']],
  ['=', compared('equal')],
  ['<>', compared('unequal')],
  ['<', compared('less', 'less_text')],
  ['<=', compared('at_most', 'at_most_text')],
  ['>', compared('more', 'more_text')],
  ['>=', compared('at_least', 'at_least_text')],
  ['is', ['nn b same', 'tt b same', 'ss b same', 'bb b same']],
  ['and', ['bb b and']],
  ['or', ['bb b or']],
  ['not', ['b b not']],
  ['||', ['ss s join']],
  ['abs', ['i i abs', 'n n abs']],
  ['sign', ['n i sign']],
  ['floor', ['n n floor']],
  ...same('ceil ceiling', ['n n ceil']),
  ['round', ['i i itself', 'n n round', 'ni n round_to']],
  ...same('pow power', ['nn n power']),
  ...'sqrt exp ln log2 sin cos tan asin acos atan radians degrees'
    .split(' ')
    .map((name): [string, string[]] => [name, [`n n ${name}`]]),
  ...same('log log10', ['n n log10']),
  ['atan2', ['nn n atan2']],
  ['pi', ['- n pi']],
  ...same('length len', ['s i length']),
  ...same('lower lcase', ['s s lower']),
  ...same('upper ucase', ['s s upper']),
  ['trim', ['s s trim']],
  ['ltrim', ['s s trim_left']],
  ['rtrim', ['s s trim_right']],
  ...same('substring substr', ['si s substring_from', 'sii s substring']),
  ['left', ['si s left']],
  ['right', ['si s right']],
  ['replace', ['sss s replace']],
  ['contains', ['ss b contains']],
  ...same('starts_with prefix', ['ss b starts_with']),
  ...same('ends_with suffix', ['ss b ends_with']),
  ...same('strpos instr', ['ss i position']),
  ...'year quarter month day hour minute second'.split(' ').map((name): [string, string[]] => [name, part(name)]),
  ...same('week weekofyear', part('week')),
  ...same('dayofweek weekday dow', part('dayofweek')),
  ...same('dayofyear doy', part('dayofyear')),
  ['isodow', part('isodow')],
  ['dayofmonth', part('day')],
  ['epoch', ['t n epoch']],
  ['epoch_ms', ['t i itself', 'i t instant']],
  ['make_timestamp_ms', ['i t instant']],
]

export const functions: ReadonlyMap<string, readonly Overload[]> = new Map(
  table.map(([name, ways]) => [name, ways.map(overload)]),
)

/** By the types of what is cast and of what it becomes. */
export const casts: ReadonlyMap<string, string> = new Map([
  ['boolean integer', 'to_integer'],
  ['boolean number', 'to_integer'],
  ['number integer', 'to_integer'],
  ['integer boolean', 'to_boolean'],
  ['number boolean', 'to_boolean'],
  ['string boolean', 'read_boolean'],
  ['string integer', 'read_integer'],
  ['string number', 'read_number'],
  ['string date', 'read_day'],
  ['string timestamp', 'read_instant'],
  ['timestamp date', 'day_of'],
  ['boolean string', 'show_boolean'],
  ['integer string', 'show_integer'],
  ['date string', 'show_day'],
  ['timestamp string', 'show_instant'],
])

/** What SQL calls our types. */
export const typeNames: Readonly<Record<string, ValueType>> = {
  boolean: 'boolean',
  bool: 'boolean',
  tinyint: 'integer',
  smallint: 'integer',
  integer: 'integer',
  int: 'integer',
  bigint: 'integer',
  long: 'integer',
  float: 'number',
  real: 'number',
  double: 'number',
  varchar: 'string',
  text: 'string',
  string: 'string',
  date: 'date',
  timestamp: 'timestamp',
  datetime: 'timestamp',
  timestamptz: 'timestamp',
}
