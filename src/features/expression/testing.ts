import type { Value, ValueType } from './expression.ts'

/** Thousands of rows that have everything which rows can have, and expressions of them. */

export const columns = {
  a: 'integer',
  b: 'integer',
  x: 'number',
  y: 'number',
  s: 'string',
  u: 'string',
  f: 'boolean',
  g: 'boolean',
  d: 'date',
  e: 'date',
  t: 'timestamp',
  r: 'timestamp',
} as const satisfies Record<string, ValueType>

export const names = Object.keys(columns)
const rowsCount = 4_000
const dayMs = 86_400_000

/** The same numbers at every run: a linear congruential generator [Numerical Recipes]. */
function chance(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}

export const safe = Number.MAX_SAFE_INTEGER
const wholes = [0, 1, -1, 2, -2, 3, 7, -7, 10, 100, 2 ** 31, -(2 ** 31), safe, -safe, safe - 1]
const reals = [
  0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  0.1,
  1e-300,
  1e300,
  -1e300,
  1.7976931348623157e308,
  5e-324,
  2 ** 53,
  1e15 + 0.5,
  0.49999999999999994,
]
const texts = [
  '',
  ' ',
  'a',
  'A',
  'ab',
  ' abc ',
  '\u00a0x',
  '\tx',
  'Straße',
  'naïve',
  'ΑΣ',
  '😀',
  'a😀b',
  '\uffff',
  '12',
  ' -7 ',
  '1.5e2',
  '.5',
  '1e400',
  'yes',
  'f',
  'true',
  '2024-02-29',
  '2023-02-29',
  '2024-01-05 10:00:00',
  '2024-01-05T10:00:00.123456Z',
  '2024-03-31T02:30:00+01:00',
  "it's",
  '9007199254740993',
]
const days = [0, -1, 1, 19_782, 19_783, -25_567, 11_016, 18_262, 20_453, -719_162, 2_932_896]
const instants = [
  0, -1, 1, -500, 1_711_843_199_999, 1_711_846_800_000, 1_729_990_800_000, -62_135_596_800_000, 253_402_300_799_999,
  1_704_067_200_000,
]

const pick = (random: () => number): ((type: ValueType) => Value) => {
  const of = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  return type => {
    if (random() < 0.1) return null
    const isOdd = random() < 0.5
    if (type === 'boolean') return random() < 0.5
    if (type === 'integer') return isOdd ? of(wholes) : Math.floor((random() - 0.5) * 2_000)
    if (type === 'number') return isOdd ? of(reals) : (random() - 0.5) * 10 ** Math.floor(random() * 12)
    if (type === 'string') return isOdd ? of(texts) : `${of(texts)}${of(texts)}`
    if (type === 'date') return (isOdd ? of(days) : Math.floor(random() * 30_000)) * dayMs
    return isOdd ? of(instants) : Math.floor(random() * 2e12)
  }
}

const random = chance(42)
export const rows: Value[][] = Array.from({ length: rowsCount }, () => Object.values(columns).map(pick(random)))

const parts = [
  'year',
  'quarter',
  'month',
  'week',
  'day',
  'dayofyear',
  'dayofweek',
  'isodow',
  'hour',
  'minute',
  'second',
]
const units = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second']

/** By subject; everybody who computes them has the same bits. */
export const exact = {
  numbers: [
    ...['+', '-', '*', '//', '%', '/'].map(sign => `a ${sign} b`),
    ...['+', '-', '*', '/', '%'].map(sign => `x ${sign} y`),
    '-a',
    'abs(a)',
    'sign(x)',
    'round(a)',
    'greatest(a, b)',
    'least(a, b, 5)',
    'CAST(x AS BIGINT)',
    'CAST(f AS INTEGER)',
    'a * 0.5',
    'x + a',
    '-x',
    'abs(x)',
    'floor(x)',
    'ceil(x)',
    'round(x)',
    'sqrt(x)',
    'x / nullif(a, 0)',
    'greatest(x, y, a)',
    'least(x, NULL, y)',
    'CAST(a AS DOUBLE)',
    'coalesce(x, a, 0) * a',
  ],
  truth: [
    'f AND g',
    'f OR g',
    'NOT f',
    'f = g',
    'f IS NULL',
    'f IS NOT TRUE',
    'a < b',
    'x >= y',
    'a = x',
    'x <> y',
    's < u',
    's >= u',
    's = u',
    'd < e',
    'd <= t',
    't > r',
    't = r',
    'CAST(a AS BOOLEAN)',
    'a IN (1, 2, NULL)',
    'a NOT IN (1, 2)',
    "s IN ('a', u)",
    'a BETWEEN b AND 7',
    'x NOT BETWEEN -1 AND 1',
    'a IS DISTINCT FROM b',
    'a IS NOT DISTINCT FROM NULL',
    's IS DISTINCT FROM u',
    'CASE WHEN f THEN a WHEN g THEN b END',
    "CASE a WHEN 1 THEN 'one' WHEN b THEN 'b' ELSE s END",
    'IF(f, x, a)',
    'coalesce(s, u)',
    'nullif(a, b)',
    'ifnull(x, 1)',
    'CASE WHEN x > 0 THEN sqrt(x) ELSE NULL END IS NULL',
  ],
  texts: [
    's || u',
    'length(s)',
    'lower(s)',
    'trim(s)',
    'ltrim(s)',
    'rtrim(s)',
    'strpos(s, u)',
    'contains(s, u)',
    'left(s, 2)',
    'right(s, 2)',
    'left(s, -1)',
    'right(s, -1)',
    'greatest(s, u)',
    'least(s, u)',
    'substring(s, 2, 3)',
    'substr(s, 2)',
    'substring(s, -2)',
    'substring(s, 0, 2)',
    "replace(s, 'a', 'bc')",
    "starts_with(s, 'a')",
    "ends_with(s, 'b')",
    'CAST(a AS VARCHAR)',
    'CAST(f AS VARCHAR)',
    'CAST(d AS VARCHAR)',
    'CAST(t AS VARCHAR)',
  ],
  read: [
    'TRY_CAST(s AS DOUBLE)',
    "CASE WHEN NOT contains(s, '.') AND NOT contains(s, 'e') THEN TRY_CAST(s AS BIGINT) END",
    'TRY_CAST(s AS BOOLEAN)',
    'CASE WHEN length(s) = 10 THEN TRY_CAST(s AS DATE) END',
    'CASE WHEN trim(s) = s THEN TRY_CAST(s AS TIMESTAMPTZ) END',
  ],
  times: [
    ...parts.map(part => `${part}(t)`),
    ...parts.slice(0, 8).map(part => `${part}(d)`),
    ...['hour', 'dow', 'doy', 'week', 'epoch'].map(part => `date_part('${part}', t)`),
    ...units.map(unit => `date_trunc('${unit}', t)`),
    ...units.filter(unit => unit !== 'week').map(unit => `date_diff('${unit}', t, r)`),
    'EXTRACT(hour FROM t)',
    "date_trunc('month', d)",
    "date_diff('day', d, e)",
    'd - e',
    'd + 1',
    'd - 30',
    'CAST(t AS DATE)',
    'CAST(d AS TIMESTAMP)',
    'epoch(t)',
    'epoch_ms(t)',
    'epoch_ms(epoch_ms(r))',
    'coalesce(d, t)',
    "t > TIMESTAMP '2024-01-01 12:00:00'",
    "d >= DATE '2024-02-29'",
  ],
} as const satisfies Record<string, readonly string[]>

const modern = "CASE WHEN t >= TIMESTAMP '1980-01-01' AND t < TIMESTAMP '2037-01-01' THEN"

/** The clock of some zones, in minutes. */
export const zoned = [
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'UTC',
  'America/St_Johns',
].map(zone => `${modern} hour(t AT TIME ZONE '${zone}') * 60 + minute(t AT TIME ZONE '${zone}') END`)

/** Functions that processors and libraries round as they like, but for the last digits. */
export const rounded = [
  'exp(x)',
  'ln(x)',
  'log10(x)',
  'log2(x)',
  'sin(x / 1e6)',
  'cos(x / 1e6)',
  'tan(x / 1e9)',
  'atan(x)',
  'asin(x)',
  'acos(x)',
  'atan2(x, y)',
  'power(x, y)',
  'pow(x, 2)',
  'radians(x)',
  'degrees(x)',
  'round(x, 2)',
  'pi() * x',
]
export const roundedWithin = 1e-14
