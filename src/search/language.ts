import type { Operator } from './filter.ts'

/** What may be said about a key. */
export interface Field {
  /** Numbers are written bare, texts in quotes. */
  readonly type: 'number' | 'text'
  /** Only these are accepted; IS NULL and IS NOT NULL too must be listed. */
  readonly operators: readonly Operator[]
  /** May stand in an order. Default false. */
  readonly orderable?: boolean
  /** A number may also be written as digits in quotes (`version_number = '3'`). Default false. */
  readonly quotedNumber?: boolean
  /** By these a text may be compared with a bare number; where it is none, the comparison does not hold. */
  readonly numeric?: readonly Operator[]
}

/** `key` is the canonical key where the written one is an alias. */
export type KeyField = Field & { readonly key?: string }

/** The keys of an entity: any key of one type, or those listed (and, with `prefixes`, any key that begins so). */
export type Fields =
  | { readonly any: Field }
  | { readonly keys: Readonly<Record<string, KeyField>>; readonly prefixes?: Readonly<Record<string, Field>> }

/** The nouns of one search: the grammar is the same for all. */
export interface Language {
  /** What is searched, plural, for messages: `runs`. */
  readonly what: string
  /** Entity as written → canonical entity. Case matters. */
  readonly entities: Readonly<Record<string, string>>
  /** Canonical entity of a key that is written without one. */
  readonly bare: string
  /** By canonical entity. */
  readonly fields: Readonly<Record<string, Fields>>
}

/** Operators of MLflow by kind of key, with our extension: absence can be asked for. */
export const numberOperators: readonly Operator[] = ['=', '!=', '<', '<=', '>', '>=', 'IS NULL', 'IS NOT NULL']
export const textOperators: readonly Operator[] = ['=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL']

/** The field of a canonical or aliased key, or undefined. */
export function findField(language: Language, entity: string, key: string): KeyField | undefined {
  const fields = language.fields[entity]
  if (fields === undefined) return undefined
  if ('any' in fields) return key === '' ? undefined : fields.any
  if (Object.hasOwn(fields.keys, key)) return fields.keys[key]
  return Object.entries(fields.prefixes ?? {}).find(([prefix]) => key.startsWith(prefix) && key !== prefix)?.[1]
}

/** The keys that an entity allows, for a message. */
export function allowedKeys(language: Language, entity: string, may: (field: Field) => boolean): string {
  const fields = language.fields[entity]
  if (fields === undefined) return 'no key'
  if ('any' in fields) return 'any key'
  const listed = Object.entries(fields.keys).flatMap(([key, field]) => (may(field) ? [key] : []))
  const prefixed = Object.entries(fields.prefixes ?? {}).flatMap(([prefix, field]) =>
    may(field) ? [`${prefix}…`] : [],
  )
  return `one of ${[...listed, ...prefixed].join(', ')}`
}
