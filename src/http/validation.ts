import type { FastifyError } from 'fastify'
import { invalid, type Problem, type TrainyardError } from '#kernel/error.ts'
import { describe, type Schema } from './schema-words.ts'

/** What Ajv says of one thing that is wrong. Being verbose it adds the value, and the schema it was held against. */
type Issue = NonNullable<FastifyError['validation']>[number] & {
  readonly data?: unknown
  readonly parentSchema?: Schema
}

const places: Readonly<Record<string, string>> = { params: 'path', querystring: 'query' }

/** The error for a request that its route's schema does not accept: each field, its value and what is allowed. */
export function notAccepted(issues: readonly Issue[], context = 'body'): TrainyardError {
  const place = places[context] ?? context
  const field = ({ instancePath }: Issue): string => `${place}${instancePath.replaceAll('/', '.')}`
  const problems = withoutUnions(issues).map(issue => problem(field(issue), issue))
  // A value of another type breaks several rules of its field, in one sentence.
  const once = new Map(problems.map(each => [`${each.field} ${each.allowed}`, each]))
  return invalid(`The ${place} is not accepted.`, [...once.values()])
}

function problem(field: string, { keyword, params, parentSchema = {}, message, data }: Issue): Problem {
  const { missingProperty, additionalProperty } = params as Readonly<Record<string, string | undefined>>
  const fields = parentSchema.properties ?? {}
  if (missingProperty !== undefined)
    return { field: `${field}.${missingProperty}`, allowed: `is required: ${describe(fields[missingProperty])}` }
  if (additionalProperty !== undefined)
    return { field: `${field}.${additionalProperty}`, allowed: noSuchField(Object.keys(fields)) }
  const said = keyword === 'uniqueItems' || keyword === 'propertyNames' ? message : undefined
  return { field, ...shown(data, parentSchema), allowed: said ?? describe(parentSchema) }
}

const noSuchField = (known: readonly string[]): string =>
  known.length === 0 ? 'no such field: none is allowed' : `no such field; known are ${known.join(', ')}`

/** Whole objects and lists are not repeated: what is wrong with them is a field. Nor is what only goes in: secrets. */
const shown = (value: unknown, { writeOnly }: Schema): { value?: unknown } =>
  value === undefined || (value !== null && typeof value === 'object') || writeOnly === true ? {} : { value }

/**
 * Ajv tells of every form that a field may have why it is not that one. When one was meant, what is wrong with it
 * stays; otherwise it is said once what forms there are.
 */
function withoutUnions(issues: readonly Issue[]): readonly Issue[] {
  const union = issues.findLast(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
  if (!union) return issues
  const ofForms = issues.filter(issue => issue !== union && issue.schemaPath.startsWith(`${union.schemaPath}/`))
  const meant = Object.values(Object.groupBy(ofForms, issue => formOf(issue, union)))
    .filter(of => of !== undefined && of.every(issue => isInside(issue, union)))
    .toSorted((a, b) => a!.length - b!.length)[0]
  const others = issues.filter(issue => issue !== union && !ofForms.includes(issue))
  return [...withoutUnions([...others, ...(meant ?? [])]), ...(meant ? [] : [union])]
}

const formOf = ({ schemaPath }: Issue, union: Issue): string =>
  schemaPath.slice(union.schemaPath.length + 1).split('/', 1)[0]!

/** Whether the value itself has the form, and something within it is wrong. A constant tells forms apart. */
const isInside = ({ keyword, instancePath }: Issue, union: Issue): boolean =>
  keyword === 'required' ||
  keyword === 'additionalProperties' ||
  (instancePath.length > union.instancePath.length && keyword !== 'const')
