import { invalid, type Problem } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import type { Tasks } from './graph.ts'
import type { Params } from './run.ts'

type Kind = 'number' | 'boolean' | 'string'

const allowed: Readonly<Record<Kind, string>> = { number: 'a number', boolean: 'true or false', string: 'a text' }

/**
 * What a run is given for the parameters that its tasks declare, in the type of the declared value. A number or a truth
 * value may be written as text, as on a command line. Throws `invalid` for what is of another type, and what nothing reads.
 */
export function givenParams(tasks: Tasks, params: Params): Params {
  const declared = Object.values(tasks).flatMap(task => Object.entries(task.params))
  const known = [...new Set(declared.map(([name]) => name))].sort()
  const problems: Problem[] = []
  const given = Object.entries(params).map(([name, value]) => {
    const field = `params.${name}`
    if (!known.includes(name)) {
      const names = known.join(', ') || 'there is none'
      problems.push({ field, value, allowed: `a parameter that a task declares: ${names}` })
    }
    const kind = kindOf(declared.flatMap(([other, text]) => (other === name ? [text] : [])))
    const typed = kind === undefined ? value : as(kind, value)
    if (typed === undefined) problems.push({ field, value, allowed: `${allowed[kind!]}, as declared` })
    return [name, typed] as const
  })
  if (problems.length > 0) throw invalid('The run cannot have these parameters.', problems)
  return Object.fromEntries(given) as Params
}

/** The one type of all declarations; undefined when they are of several, or take what another task makes. */
function kindOf(values: readonly unknown[]): Kind | undefined {
  const [kind, ...others] = new Set(values.map(value => typeof value))
  return others.length === 0 && kind !== undefined && Object.hasOwn(allowed, kind) ? (kind as Kind) : undefined
}

/** Undefined when the value is none of the kind. */
function as(kind: Kind, value: Json): Json | undefined {
  if (typeof value === kind) return value
  if (kind === 'string') return typeof value === 'object' ? undefined : String(value)
  if (typeof value !== 'string') return undefined
  if (kind === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined
  return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : undefined
}
