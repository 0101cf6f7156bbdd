import type { z } from 'zod'
import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'
import { parseExactly } from '#kernel/json.ts'

/** What a request says, from wherever it says it: a path parameter wins over the body, the body over the query. */
export interface Said {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

/**
 * The request as its schema has it. Field names may be camelCase, null is absent, unknown fields are passed over.
 * Throws `invalid` in MLflow's words, which its clients and their tests look for.
 */
export function readInput<Schema extends z.ZodType>(schema: Schema, { params, query, body }: Said): z.output<Schema> {
  const read = (parse?: Parse): z.ZodSafeParseResult<z.output<Schema>> =>
    schema.safeParse({ ...fields(query), ...fields(body, parse), ...fields(params) })
  const first = read()
  // A step beyond 2^53 is no number here: only then it is worth to look at every digit.
  const result = first.success || typeof body !== 'string' ? first : read(parseSteps)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const value = valueAt(fields(query), issue.path) ?? valueAt(fields(body, parseSteps), issue.path)
  throw new TrainyardError('invalid', sentence(pathOf(issue.path), value, issue.message), {
    problems: [{ field: pathOf(issue.path), value, allowed: issue.message }],
  })
}

const sentence = (path: string, value: unknown, why: string): string =>
  value === undefined
    ? `Missing value for required parameter '${path}'.`
    : `Invalid value ${shorten(JSON.stringify(value))} for parameter '${path}' supplied: ${why}`

/**
 * A body may also be JSON inside a JSON text: old clients encode twice. Empty are no body, `null`, and the `[]` that R
 * makes of an empty list; anything else that is no object is refused, where MLflow's server takes it for empty: a body that
 * was cut off may not make a run with defaults.
 */
function fields(value: unknown, parse: Parse = JSON.parse): Readonly<Record<string, unknown>> {
  const said = typeof value === 'string' ? parsed(value, parse) : value
  if (isDeeper(said)) throw invalid(`The request is nested deeper than ${depthMax} levels.`)
  if (said === null || said === undefined || (Array.isArray(said) && said.length === 0)) return {}
  if (typeof said !== 'object' || Array.isArray(said)) throw notObject(shorten(JSON.stringify(said)))
  return normal(said) as Readonly<Record<string, unknown>>
}

function parsed(text: string, parse: Parse): unknown {
  if (text.trim() === '') return undefined
  try {
    const said = parse(text)
    return typeof said === 'string' ? parse(said) : said
  } catch (error) {
    throw notObject(shorten(text), messageOf(error))
  }
}

type Parse = (text: string) => unknown

/** Nothing else of MLflow's may have more digits than a double: a value of a user's own stays the number it is. */
const parseSteps: Parse = text => parseExactly(text, name => /step$/i.test(name))

const notObject = (value: string, reason = ''): TrainyardError =>
  invalid(`The body is no JSON object. ${reason}`.trim(), [{ field: 'body', value, allowed: 'a JSON object' }])

/** Maps whose keys are the user's own words, and values that are any JSON: these stay as they were sent. */
const userMaps = new Set(['tags', 'trace_metadata', 'metadata'])
const isAsSent = (name: string, value: unknown): boolean =>
  name === 'value' || (userMaps.has(name) && !Array.isArray(value))

/** Deeper than anything that is meant: what reads JSON by recursion is safe up to here. */
const depthMax = 100

/** Whether JSON is nested deeper than this. */
export function isDeeper(value: unknown, max = depthMax): boolean {
  if (value === null || typeof value !== 'object') return false
  if (max === 0) return true
  // Of a list `in` would make a text of every place.
  if (Array.isArray(value)) return value.some(item => isDeeper(item, max - 1))
  for (const name in value) if (isDeeper((value as Record<string, unknown>)[name], max - 1)) return true
  return false
}

/**
 * snake_case names, no nulls, to any depth. What is so already is not copied: bodies have thousands of objects. Each
 * value is looked at once.
 */
function normal(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  return Array.isArray(value) ? normalList(value) : normalObject(value)
}

function normalList(list: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined
  for (const [index, item] of list.entries()) {
    const plain = normal(item)
    if (plain === item) continue
    copy ??= [...list]
    copy[index] = plain
  }
  return copy ?? list
}

function normalObject(object: object): object {
  let copy: [string, unknown][] | undefined
  let seen = 0
  for (const name in object) {
    const inner = (object as Record<string, unknown>)[name]
    const plainName = snake(name)
    const plain = isAsSent(plainName, inner) ? inner : normal(inner)
    if (!copy && (plainName !== name || plain !== inner || !isSaid(inner))) copy = Object.entries(object).slice(0, seen)
    if (copy && isSaid(inner)) copy.push([plainName, plain])
    seen++
  }
  return copy ? Object.fromEntries(copy) : object
}

const isSaid = (value: unknown): boolean => value !== null && value !== undefined

const snake = (name: string): string =>
  /^[a-z]+[A-Z]/.test(name) ? name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`) : name

/** `metrics[0].timestamp` */
const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  )

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], root)

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 199)}…` : text)
