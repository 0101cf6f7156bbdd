import { planRequest, type RequestPlan, type ValueType } from '#features/request.ts'
import type { Signature, Tensor } from '#registry'
import type { BundleManifest } from './bundle.ts'

/** A model of which some inputs are computed when a request comes. */
export interface Requested {
  readonly plan: RequestPlan
  /** The bundle as requests are read by it: behind the model's own inputs stands what may be sent to compute with. */
  readonly asked: BundleManifest
  /** What callers are told to send: what is not computed, and what is computed with. */
  readonly told: Signature
}

type Described = Pick<BundleManifest, 'signature' | 'service' | 'inputs'>

/** Undefined of a model whose inputs are all sent or looked up. Throws `invalid` for code that cannot be read. */
export function requestedOf<Manifest extends Described>(
  manifest: Manifest,
): (Omit<Requested, 'asked'> & { asked: Manifest }) | undefined {
  const { signature, service } = manifest
  const { inputs, outputs } = signature
  const isInput = (name: string): boolean => inputs.some(each => each.name === name)
  const plan = service ? planRequest(service, isInput) : undefined
  if (!service || !plan) return undefined
  const declared = new Map((service.requests ?? []).flatMap(({ columns }) => Object.entries(columns)))
  const brought = [...declared, ...plan.reads.map(({ name, type }) => [name, type] as const)]
  const others = brought.filter(([name]) => !isInput(name)).map(([name, type]) => tensorOf(name, kinds[type]))
  const isComputed = (name: string): boolean => plan.features.some(each => each.name === name) && !declared.has(name)
  const needed = plan.columns.filter(({ name }) => !isInput(name))
  return {
    plan,
    asked: { ...manifest, signature: { inputs: [...inputs, ...others], outputs } },
    told: {
      inputs: [
        ...needed.map(({ name, type }) => tensorOf(name, protocolKind(kinds[type]))),
        ...inputs.filter(({ name }) => !isComputed(name)),
      ],
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
