import { parse } from 'yaml'
import { z } from 'zod'
import type { Signature, Tensor } from './signature.ts'

/** What an `MLmodel` file says of the folder that it stands in, as far as it can be read. */
export interface Described {
  /** The framework that wrote it, before the general `python_function`. */
  readonly flavor?: string
  readonly signature?: Signature
  /** Path in the folder of an example of its input. */
  readonly inputExample?: string
}

const Mlmodel = z.object({
  flavors: z.record(z.string(), z.unknown()).catch({}),
  signature: z.object({ inputs: z.string().nullish(), outputs: z.string().nullish() }).nullish().catch(undefined),
  saved_input_example_info: z.object({ artifact_path: z.string() }).nullish().catch(undefined),
})

/** Nothing, when it is no MLmodel: what a client uploads is not checked, only read. */
export function readMlmodel(text: string): Described {
  const found = Mlmodel.safeParse(yamlOf(text)).data
  if (!found) return {}
  const names = Object.keys(found.flavors)
  const flavor = names.find(name => name !== 'python_function') ?? names[0]
  const inputs = tensorsOf(found.signature?.inputs, 'input')
  const example = found.saved_input_example_info?.artifact_path
  return {
    ...(flavor !== undefined && { flavor }),
    ...(inputs && { signature: { inputs, outputs: tensorsOf(found.signature?.outputs, 'output') ?? [] } }),
    ...(example !== undefined && { inputExample: example }),
  }
}

/** How Python makes a model of the folder: by MLflow's general flavour, or as a class of the model's own code. */
export type Loader = { readonly loader: 'mlflow' } | { readonly loader: 'class'; readonly entry: string }

const OwnClass = z.object({ class: z.string().regex(/^\w+(?:\.\w+)*:\w+$/) })

/** Undefined when the file names neither. `flavors: {trainyard: {class: "module:Class"}}` is a class. */
export function loaderOf(text: string): Loader | undefined {
  const flavors = Mlmodel.safeParse(yamlOf(text)).data?.flavors ?? {}
  const own = OwnClass.safeParse(flavors['trainyard']).data
  if (own) return { loader: 'class', entry: own.class }
  return 'python_function' in flavors ? { loader: 'mlflow' } : undefined
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 })
  } catch {
    return undefined
  }
}

/** A column of a table, or a tensor [MLflow, model signatures]. Only a single one may have no name. */
const Spec = z.array(
  z.object({
    name: z.string().optional(),
    type: z.string(),
    'tensor-spec': z.object({ dtype: z.string(), shape: z.array(z.int()) }).optional(),
  }),
)

function tensorsOf(json: string | null | undefined, unnamed: string): Tensor[] | undefined {
  const specs = Spec.safeParse(parsedJson(json ?? '')).data
  return specs?.map(({ name = unnamed, type, 'tensor-spec': tensor }) =>
    tensor
      ? { name, datatype: datatypes[tensor.dtype] ?? tensor.dtype.toUpperCase(), shape: tensor.shape }
      : { name, datatype: datatypes[type] ?? type.toUpperCase(), shape: [-1, 1] },
  )
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Open Inference names of MLflow's column types and of numpy's. */
const datatypes: Readonly<Record<string, string>> = {
  double: 'FP64',
  float: 'FP32',
  long: 'INT64',
  integer: 'INT32',
  boolean: 'BOOL',
  string: 'BYTES',
  binary: 'BYTES',
  datetime: 'BYTES',
  float64: 'FP64',
  float32: 'FP32',
  float16: 'FP16',
  bool: 'BOOL',
  object: 'BYTES',
  str: 'BYTES',
}
