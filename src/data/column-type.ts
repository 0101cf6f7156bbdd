import type { ColumnType } from '#project'

/**
 * How a cell of text is read as each type. The functions take a SQL expression of type VARCHAR, already trimmed and
 * NULL when blank, and answer a SQL expression. Patterns come first, because DuckDB's casts are more generous than a
 * contract may be: '1.5' to BIGINT is 2, '1_000' and 'nan' are numbers.
 */
interface TextRule {
  /** In words, for the sentence of an error. */
  readonly allowed: string
  /** Whether the text is of this type, when the type is known. */
  accepts(text: string): string
  /** Whether the text alone suggests this type: stricter, `007` is a code and not a number. */
  suggests(text: string): string
  cast(text: string): string
}

const integerMax = Number.MAX_SAFE_INTEGER
const matches = (text: string, pattern: string): string => `regexp_full_match(${text}, '${pattern}')`
const isSafe = (text: string): string => `coalesce(abs(try_cast(${text} as hugeint)) <= ${integerMax}, false)`
const isFinite = (text: string): string => `coalesce(isfinite(try_cast(${text} as double)), false)`
const isInstant = (text: string, type: 'date' | 'timestamptz'): string => `try_cast(${text} as ${type}) is not null`

const date = String.raw`\d{4}-\d{2}-\d{2}`
const timestamp = String.raw`${date}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?`

export const textRules: Readonly<Record<ColumnType, TextRule>> = {
  boolean: {
    allowed: 'true or false',
    accepts: text => `lower(${text}) in ('true', 'false', 't', 'f', 'yes', 'no', '1', '0')`,
    suggests: text => `lower(${text}) in ('true', 'false')`,
    cast: text => `lower(${text}) in ('true', 't', 'yes', '1')`,
  },
  integer: {
    allowed: `a whole number between ±${integerMax}`,
    accepts: text => `(${matches(text, String.raw`[+-]?\d{1,30}`)} and ${isSafe(text)})`,
    suggests: text => `(${matches(text, String.raw`[+-]?(0|[1-9]\d{0,29})`)} and ${isSafe(text)})`,
    cast: text => `cast(${text} as bigint)`,
  },
  number: {
    allowed: 'a finite number such as -1.5; an empty cell when it is missing',
    accepts: text => `(${matches(text, String.raw`[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`)} and ${isFinite(text)})`,
    // Infinities and NaN suggest a number too, so that one of them is an error rather than a column of text.
    suggests: text =>
      `(${matches(text, String.raw`[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?`)} and not ${matches(text, String.raw`[+-]?\d{16,}`)} or ${matches(text, '[+-]?(?i:nan|inf|infinity)')})`,
    cast: text => `cast(${text} as double)`,
  },
  date: {
    allowed: 'a date such as 2015-03-01',
    accepts: text => `(${matches(text, date)} and ${isInstant(text, 'date')})`,
    suggests: text => `(${matches(text, date)} and ${isInstant(text, 'date')})`,
    cast: text => `cast(${text} as date)`,
  },
  timestamp: {
    allowed: 'an instant such as 2015-03-01T18:00:00Z',
    accepts: text => `(${matches(text, timestamp)} and ${isInstant(text, 'timestamptz')})`,
    suggests: text => `(${matches(text, timestamp)} and ${isInstant(text, 'timestamptz')})`,
    // By way of an instant with a zone: a cast to TIMESTAMP alone forgets `+02:00`. The session's zone is UTC.
    cast: text => `cast(cast(${text} as timestamptz) as timestamp)`,
  },
  string: { allowed: 'text', accepts: () => 'true', suggests: () => 'true', cast: text => text },
}

/** In this order: the first type that all cells of a column suggest is the column's. */
export const inferred = ['boolean', 'integer', 'number', 'date', 'timestamp'] as const satisfies readonly ColumnType[]

/** The type of a DuckDB column, or undefined when a dataset cannot hold such values (lists, structures, bytes). */
export function columnType(duckdbType: string): ColumnType | undefined {
  const name = duckdbType.replace(/\(.*/, '').toUpperCase()
  return /\[\d*\]$/.test(duckdbType) ? undefined : byName[name]
}

const byName: Readonly<Record<string, ColumnType>> = {
  BOOLEAN: 'boolean',
  TINYINT: 'integer',
  SMALLINT: 'integer',
  INTEGER: 'integer',
  BIGINT: 'integer',
  HUGEINT: 'integer',
  UTINYINT: 'integer',
  USMALLINT: 'integer',
  UINTEGER: 'integer',
  UBIGINT: 'integer',
  UHUGEINT: 'integer',
  FLOAT: 'number',
  DOUBLE: 'number',
  DECIMAL: 'number',
  VARCHAR: 'string',
  ENUM: 'string',
  UUID: 'string',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
}

/** The type in which a dataset version stores a column. */
export const storedAs: Readonly<Record<ColumnType, string>> = {
  boolean: 'BOOLEAN',
  integer: 'BIGINT',
  number: 'DOUBLE',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  string: 'VARCHAR',
}
