import { z } from 'zod'
import { showPath, type Path } from './path.ts'
import { declared, type Report } from './report.ts'
import { invalid, type Problem } from '#kernel/error.ts'

/** Where hyperparameters are looked for, as JSON. */

/** A parameter of a task: what its environment variable is called. */
export const ParamName = z.string().regex(/^[A-Za-z]\w{0,62}$/, 'letters, digits and _, starting with a letter')
const Value = z.union([z.string().max(500), z.number(), z.boolean()])
export type ParamValue = z.output<typeof Value>

const when = z
  .record(ParamName, z.union([Value, z.array(Value).min(1).max(100)]))
  .optional()
  .meta({ description: 'The parameter exists only while each of these others has the value, or one of the values.' })

const Range = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('float'),
    low: z.number(),
    high: z.number(),
    log: z.boolean().default(false).meta({ description: 'Whether factors count, and not differences.' }),
    step: z.number().positive().optional().meta({ description: 'Only low, low + step, low + 2 step … are tried.' }),
    when,
  }),
  z.strictObject({
    type: z.literal('int'),
    low: z.int(),
    high: z.int(),
    log: z.boolean().default(false),
    step: z.int().positive().default(1),
    when,
  }),
  z.strictObject({ type: z.literal('categorical'), choices: z.array(Value).min(1).max(1_000), when }),
])

export const SearchSpace = z.record(ParamName, Range).meta({ title: 'SearchSpace' })
export type SearchSpace = z.output<typeof SearchSpace>
export type ParamSpec = z.output<typeof Range>

export const paramsMax = 200

/** The values of another parameter under which one exists. */
export const allowedOf = (given: ParamValue | readonly ParamValue[]): readonly ParamValue[] =>
  Array.isArray(given) ? given : [given as ParamValue]

/** What is wrong with a space whose every field is right by itself. */
export function searchSpaceProblems(space: SearchSpace, path: Path, report: Report): void {
  const count = Object.keys(space).length
  if (count === 0 || count > paramsMax) report(path, count, `1 to ${paramsMax} parameters`)
  for (const [name, param] of Object.entries(space)) {
    rangeProblems(param, [...path, name], report)
    conditionProblems(space, param, [...path, name, 'when'], report)
  }
  const ordered = inOrder(space)
  const stuck = Object.keys(space).filter(name => !ordered.includes(name) && areKnown(space, space[name]!))
  if (stuck.length > 0) report(path, stuck.join(', '), 'no cycle: these exist only under conditions on each other')
}

const areKnown = (space: SearchSpace, { when: conditions = {} }: ParamSpec): boolean =>
  Object.keys(conditions).every(other => Object.hasOwn(space, other))

/** Throws `invalid` with everything that is wrong with a space. */
export function requireSearchable(space: SearchSpace): void {
  const problems: Problem[] = []
  searchSpaceProblems(space, ['space'], (at, value, allowed) => problems.push({ field: showPath(at), value, allowed }))
  if (problems.length > 0) throw invalid('The search space cannot be searched.', problems)
}

/** The parameters such that each comes after those that its conditions name. Those on a cycle are left out. */
export function inOrder(space: SearchSpace): readonly string[] {
  const ordered: string[] = []
  const done = new Set<string>()
  for (let found = true; found;) {
    const next = Object.entries(space).filter(
      ([name, { when: conditions = {} }]) => !done.has(name) && Object.keys(conditions).every(other => done.has(other)),
    )
    for (const [name] of next) done.add(name)
    ordered.push(...next.map(([name]) => name))
    found = next.length > 0
  }
  return ordered
}

function rangeProblems(param: ParamSpec, path: Path, report: Report): void {
  if (param.type === 'categorical') {
    if (new Set(param.choices).size < param.choices.length)
      report([...path, 'choices'], param.choices, 'choices that differ')
    return
  }
  if (param.low > param.high) report([...path, 'high'], param.high, `at least low, which is ${param.low}`)
  if (!Number.isFinite(param.high - param.low)) report([...path, 'high'], param.high, 'a smaller range')
  if (!param.log) return
  const least = param.type === 'int' ? 1 : Number.MIN_VALUE
  if (param.low < least)
    report([...path, 'low'], param.low, `${param.type === 'int' ? '1 or more' : 'more than 0'}, as log is set`)
  if (param.step !== undefined && !(param.type === 'int' && param.step === 1))
    report([...path, 'step'], param.step, 'nothing, as log is set')
}

function conditionProblems(space: SearchSpace, { when: conditions = {} }: ParamSpec, path: Path, report: Report): void {
  for (const [other, given] of Object.entries(conditions)) {
    const field = [...path, other]
    if (!declared(space, other, field, report)) continue
    const wrong = allowedOf(given).filter(value => !isPossible(space[other]!, value))
    for (const value of wrong) report(field, value, `a value that ${other} may have`)
  }
}

function isPossible(param: ParamSpec, value: ParamValue): boolean {
  if (param.type === 'categorical') return param.choices.includes(value)
  return typeof value === 'number' && value >= param.low && value <= param.high
}
