import { z } from 'zod'
import { invalid, type Problem } from '#kernel/error.ts'
import { expectation } from '#kernel/expectation.ts'
import { nearest } from '#kernel/nearest.ts'
import { showPath, valueAt, type Path } from './path.ts'
import { ProjectFile } from './project-file.ts'

type Issue = z.core.$ZodIssue

/** What the schema has against a file, in the words of the one who wrote it. */
export const schemaProblems = (issues: readonly Issue[], json: unknown, schema: Schema = fileSchema()): Problem[] =>
  issues.flatMap(issue => problemsOf(issue, json, schema))

/** What a schema of its own makes of some JSON. Throws `invalid` with every problem. */
export function parseFields<Fields extends z.ZodType>(schema: Fields, json: unknown, what: string): z.output<Fields> {
  const result = z.safeParse(schema, json)
  if (result.success) return result.data
  const problems = schemaProblems(result.error.issues, json, schemaOf(schema))
  throw invalid(`${what} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}.`, problems)
}

function problemsOf(issue: Issue, json: unknown, schema: Schema): Problem[] {
  const path = issue.path as Path
  const value = valueAt(json, path)
  const meant = issue.code === 'invalid_union' ? branchMeant(issue) : undefined
  if (meant) return meant.flatMap(inner => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, json, schema))
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey(key, path, json, schema))
  if (issue.code === 'invalid_key')
    return [
      { field: showPath(path), value: path.at(-1), allowed: `a name: ${issue.issues[0]?.message ?? issue.message}` },
    ]
  return [
    {
      field: showPath(path) || 'the project file',
      ...(value === undefined ? {} : { value }),
      allowed: allowedBy(issue, value),
    },
  ]
}

/** Of the forms that a field may have, the one that was written: what is wrong with it lies further in. */
const branchMeant = ({ errors }: Extract<Issue, { code: 'invalid_union' }>): readonly Issue[] | undefined =>
  errors.find(([first]) => first && (first.path.length > 0 || first.code === 'unrecognized_keys'))

function unknownKey(key: string, path: Path, json: unknown, schema: Schema): Problem {
  const allowed = keysAt(schema, path, json)
  const meant = nearest(key, allowed)
  return {
    field: showPath([...path, key]),
    allowed: `no such field; ${meant === undefined ? `known are ${allowed.join(', ')}` : `did you mean ${meant}?`}`,
  }
}

function allowedBy(issue: Issue, value: unknown): string {
  if (value === undefined) return `required: ${expectation(issue)}`
  return expectation(issue, value)
}

/** The part of JSON Schema that zod prints for the project file. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly oneOf?: readonly Schema[]
  readonly const?: unknown
}

const schemaOf = (type: z.ZodType): Schema => z.toJSONSchema(type, { io: 'input' }) as Schema
let made: Schema | undefined
/** Of the project file: when a file first has a problem. */
const fileSchema = (): Schema => (made ??= schemaOf(ProjectFile))

/** The fields that an object at this path may have. */
function keysAt(root: Schema, path: Path, json: unknown): string[] {
  let schema: Schema | undefined = root
  for (const [depth, part] of path.entries()) {
    const branch: Schema | undefined = branchOf(schema, valueAt(json, path.slice(0, depth)))
    schema =
      typeof part === 'number'
        ? branch?.items
        : (branch?.properties?.[part] ??
          (typeof branch?.additionalProperties === 'object' ? branch.additionalProperties : undefined))
  }
  return Object.keys(branchOf(schema, valueAt(json, path))?.properties ?? {})
}

/** Of a discriminated union the branch whose constants the value has. */
const branchOf = (schema: Schema | undefined, value: unknown): Schema | undefined =>
  schema?.oneOf?.find(branch =>
    Object.entries(branch.properties ?? {}).every(
      ([key, inner]) => inner.const === undefined || inner.const === valueAt(value, [key]),
    ),
  ) ?? schema
