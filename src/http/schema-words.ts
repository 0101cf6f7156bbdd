/** The part of JSON Schema that routes use. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly writeOnly?: boolean
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

const nouns: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
}

/** What a schema allows, in words: `a whole number, 1 or more, 500 or less`. */
export function describe(schema: Schema = {}): string {
  const forms = schema.anyOf ?? schema.oneOf
  if (forms) return [...new Set(forms.map(describe))].join(' or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(', ')}`
  if (schema.pattern !== undefined && schema.description !== undefined) return schema.description.replace(/\.$/, '')
  const noun = [schema.type ?? []].flat().map(type => nouns[type] ?? type)
  return [`${noun.join(' or ') || 'a value'}${marks(schema)}`, ...limits(schema)].join(', ')
}

/** What tells this form of an object from others. */
function marks({ properties = {} }: Schema): string {
  const constants = Object.entries(properties).filter(([, { const: value }]) => value !== undefined)
  return constants.length === 0
    ? ''
    : ` with ${constants.map(([name, { const: value }]) => `${name} ${JSON.stringify(value)}`).join(' and ')}`
}

function limits(schema: Schema): readonly string[] {
  const { pattern, format, minLength, maxLength, minItems, maxItems } = schema
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  return [
    isBound(minimum) ? `${minimum} or more` : '',
    isBound(maximum) ? `${maximum} or less` : '',
    isBound(exclusiveMinimum) ? `more than ${exclusiveMinimum}` : '',
    isBound(exclusiveMaximum) ? `less than ${exclusiveMaximum}` : '',
    minLength === undefined || minLength === 0 ? '' : minLength === 1 ? 'not empty' : `${minLength} characters or more`,
    maxLength === undefined ? '' : `${maxLength} characters at most`,
    minItems === undefined || minItems === 0 ? '' : minItems === 1 ? 'not empty' : `${minItems} items or more`,
    maxItems === undefined ? '' : `${maxItems} items at most`,
    // Zod prints formats as patterns too, which say less to people.
    format !== undefined ? `in the form ${format}` : pattern !== undefined ? `that matches ${pattern}` : '',
  ].filter(Boolean)
}

/** Whole numbers are bounded by what a double can hold, which nobody needs to be told. */
const isBound = (bound: number | undefined): bound is number =>
  bound !== undefined && Math.abs(bound) !== Number.MAX_SAFE_INTEGER
