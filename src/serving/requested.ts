import { planRequest, type RequestPlan, type ValueType } from '#features/request.ts'
import type { Signature, Tensor } from '#registry'
import type { BundleManifest } from './bundle.ts'

/** A model of which some inputs are computed when a request comes. */
export interface Requested {
  /** What is computed of request views. */
  readonly plan: RequestPlan
  /** The bundle as requests are read by it: behind the model's own inputs stands what may be sent to compute with. */
  readonly asked: BundleManifest
  /** What callers are told to send: what is not computed, and what is computed with. */
  readonly told: Signature
}

type Described = Pick<BundleManifest, 'signature' | 'service'> & Partial<Pick<BundleManifest, 'inputs' | 'preprocess'>>
const nothing: RequestPlan = { features: [], columns: [], reads: [] }

/** Undefined of a model whose inputs are all sent or looked up. Throws `invalid` for code that cannot be read. */
export function requestedOf<Manifest extends Described>(
  manifest: Manifest,
): (Omit<Requested, 'asked'> & { asked: Manifest }) | undefined {
  const { signature, service, preprocess } = manifest
  const { inputs, outputs } = signature
  const isInput = (name: string): boolean => inputs.some(each => each.name === name)
  const isMade = (name: string): boolean => preprocess?.gives.includes(name) ?? false
  const planned = service ? planRequest(service, name => isInput(name) && !isMade(name)) : undefined
  if (!planned && !preprocess) return undefined
  const plan = planned ?? nothing
  const declared = new Map((service?.requests ?? []).flatMap(({ columns }) => Object.entries(columns)))
  const brought = planned ? [...declared, ...plan.reads.map(({ name, type }) => [name, type] as const)] : []
  const others = new Map<string, string>()
  for (const [name, type] of brought) others.set(name, kinds[type])
  for (const [name, datatype] of Object.entries(preprocess?.takes ?? {})) others.set(name, datatype)
  const isComputed = (name: string): boolean => plan.features.some(each => each.name === name) && !declared.has(name)
  const needed = new Map(plan.columns.map(({ name, type }) => [name, protocolKind(kinds[type])]))
  for (const [name, datatype] of Object.entries(preprocess?.takes ?? {})) needed.set(name, datatype)
  const tensors = (columns: ReadonlyMap<string, string>): Tensor[] =>
    [...columns].filter(([name]) => !isInput(name)).map(([name, datatype]) => tensorOf(name, datatype))
  return {
    plan,
    asked: { ...manifest, signature: { inputs: [...inputs, ...tensors(others)], outputs } },
    told: {
      inputs: [...tensors(needed), ...inputs.filter(({ name }) => !isComputed(name) && !isMade(name))],
      outputs,
    },
  }
}

const tensorOf = (name: string, datatype: string): Tensor => ({ name, datatype, shape: [-1, 1] })

/** Datatypes of what requests bring. `WHOLE`, `DATE` and `TIMESTAMP` are of no protocol: clients send numbers and texts. */
export const kinds: Readonly<Record<ValueType, string>> = {
  boolean: 'BOOL',
  integer: 'WHOLE',
  number: 'FP64',
  string: 'BYTES',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
}

/** What a client of a protocol declares for it. */
export const protocolKind = (datatype: string): string =>
  ({ WHOLE: 'INT64', DATE: 'BYTES', TIMESTAMP: 'BYTES' })[datatype] ?? datatype
