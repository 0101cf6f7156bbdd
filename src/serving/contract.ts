import type { InputRules } from '#project/input-rule.ts'
import type { Tensor } from '#registry'
import type { BundleManifest } from './bundle.ts'
import { requestedOf } from './requested.ts'

/** What a deployment takes and gives, as programs of other languages declare it. */
export interface Contract {
  readonly inputs: readonly Field[]
  readonly outputs: readonly Field[]
  /** The column that says whose features are looked up. */
  readonly key: string | undefined
  /** Serving code adds outputs that no signature knows. */
  readonly isOpen: boolean
}

export interface Field {
  readonly name: string
  readonly kind: 'number' | 'integer' | 'text' | 'boolean'
  /** A row may do without it, or say null. */
  readonly isOptional: boolean
  /** One row has several of it. */
  readonly isList: boolean
  /** What is allowed, in words; empty when the kind says it all. */
  readonly allowed: string
}

type Described = Pick<BundleManifest, 'signature' | 'service'> &
  Partial<Pick<BundleManifest, 'inputs' | 'serving' | 'preprocess'>>

/** `isRemote`: it is asked at a server, which looks features up. */
export function contractOf(described: Described, isRemote: boolean): Contract {
  const { signature, service, inputs, serving, preprocess } = described
  const { plan, asked, told } = requestedOf(described) ?? { asked: described, told: signature }
  const isTaken = (name: string): boolean =>
    plan?.columns.some(column => column.name === name) === true || Object.hasOwn(preprocess?.takes ?? {}, name)
  const isLookedUp = (name: string): boolean => isRemote && service !== null && !isTaken(name)
  const datatypes = new Map(asked.signature.inputs.map(({ name, datatype }) => [name, datatype]))
  // Who looks nothing up is told what to compute with as well.
  const reads = isRemote ? [] : (plan?.reads ?? [])
  const others = reads.flatMap(({ name }) =>
    told.inputs.some(input => input.name === name) ? [] : [{ name, datatype: datatypes.get(name)!, shape: [-1, 1] }],
  )
  return {
    inputs: [...told.inputs, ...others].map(input =>
      fieldOf({ ...input, datatype: datatypes.get(input.name)! }, inputs, isLookedUp(input.name)),
    ),
    outputs: signature.outputs.map(output => fieldOf(output, undefined, false)),
    key: service?.entityKey,
    isOpen: serving !== undefined,
  }
}

function fieldOf({ name, datatype, shape }: Tensor, rules: InputRules | undefined, looksUp: boolean): Field {
  const rule = rules && Object.hasOwn(rules, name) ? rules[name] : undefined
  const { min, max, values } = rule ?? {}
  const allowed = [
    ...(datatype === 'TIMESTAMP' ? ['an instant in ISO 8601'] : datatype === 'DATE' ? ['a date in ISO 8601'] : []),
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    ...(values === undefined ? [] : [`one of ${values.map(value => JSON.stringify(value)).join(', ')}`]),
  ]
  return {
    name,
    kind: kinds[datatype] ?? 'number',
    isOptional: looksUp || rule?.missing === 'pass' || rule?.missing === 'default',
    isList: (shape[1] ?? 1) !== 1,
    allowed: allowed.join(', '),
  }
}

const kinds: Readonly<Record<string, Field['kind']>> = {
  BYTES: 'text',
  DATE: 'text',
  TIMESTAMP: 'text',
  WHOLE: 'integer',
  BOOL: 'boolean',
  INT64: 'integer',
  INT32: 'integer',
}

const typescript = { number: 'number', integer: 'number', text: 'string', boolean: 'boolean' } as const

/** The interfaces `Row` and `Prediction` in TypeScript. */
export function typescriptTypes({ inputs, outputs, key, isOpen }: Contract): string {
  const rows = [
    ...inputs.flatMap(({ name, kind, isOptional, allowed }) => [
      ...(allowed === '' ? [] : [`  /** ${allowed.replaceAll('*/', '* /')} */`]),
      `  readonly ${JSON.stringify(name)}${isOptional ? '?' : ''}: ${typescript[kind]}${isOptional ? ' | null' : ''}`,
    ]),
    ...(key === undefined ? [] : ['  /** Whose row it is. */', `  readonly ${JSON.stringify(key)}?: string | number`]),
    '  /** The instant that it is about: milliseconds since 1970, or ISO 8601. */',
    '  readonly event_time?: string | number',
  ]
  const values = outputs.map(({ name, kind, isList }) => ({ name, type: `${typescript[kind]}${isList ? '[]' : ''}` }))
  const members = values.map(({ name, type }) => `readonly ${JSON.stringify(name)}: ${type}`).join('; ')
  const prediction =
    isOpen || values.length !== 1
      ? `{ ${members}${isOpen ? '; readonly [output: string]: unknown' : ''} }`
      : values[0]!.type
  return `export interface Row {\n${rows.join('\n')}\n}\n\nexport type Prediction = ${prediction}\n`
}
