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

/** How Python makes a model of the folder: as a class of its own code, by its framework's package, or by MLflow's general flavour. */
export type Loader = { readonly loader: 'class'; readonly entry: string } | { readonly loader: 'mlflow' } | NativeLoader

/** Of a model that its framework loads without MLflow. */
export interface NativeLoader {
  readonly loader: 'sklearn' | 'xgboost' | 'lightgbm' | 'pytorch'
  /** Path in the folder of the model's file, or of the folder that it stands in. */
  readonly file: string
  /** The framework's class that the model is of. */
  readonly entry?: string
  /** How it is serialised, and which types may be made of it (skops). */
  readonly format?: string
  readonly trusted?: readonly string[]
  /** The method that answers; `predict` when left out. */
  readonly call?: string
  /** Folder of modules that the model needs. */
  readonly code?: string
}

const OwnClass = z.object({ class: z.string().regex(/^\w+(?:\.\w+)*:\w+$/) })

/** A path below the folder. */
const Path = z.string().regex(/^(?!.*(?:^|\/)\.\.(?:\/|$))[^/].*$/)

const NativeFlavor = z.object({
  data: Path.optional(),
  pickled_model: Path.optional(),
  model_data: Path.optional(),
  model_class: z.string().optional(),
  serialization_format: z.string().optional(),
  skops_trusted_types: z.array(z.string()).nullish(),
  code: Path.nullish(),
  /** Of a folder that MLflow has not written. */
  predict_fn: z.string().optional(),
})

const GeneralFlavor = z.object({ loader_module: z.string(), predict_fn: z.string().optional(), code: Path.nullish() })

const natives = ['sklearn', 'xgboost', 'lightgbm', 'pytorch'] as const

/**
 * Undefined when the file names nothing that is known. `flavors: {trainyard: {class: "module:Class"}}` is a class. A
 * framework's own flavour is taken before the general one that wraps it: it answers the same, and sooner.
 */
export function loaderOf(text: string): Loader | undefined {
  const flavors = Mlmodel.safeParse(yamlOf(text)).data?.flavors ?? {}
  const own = OwnClass.safeParse(flavors['trainyard']).data
  if (own) return { loader: 'class', entry: own.class }
  return nativeLoader(flavors) ?? ('python_function' in flavors ? { loader: 'mlflow' } : undefined)
}

function nativeLoader(flavors: Readonly<Record<string, unknown>>): NativeLoader | undefined {
  const loader = natives.find(name => name in flavors)
  const native = loader && NativeFlavor.safeParse(flavors[loader]).data
  const file = native?.pickled_model ?? native?.model_data ?? native?.data
  if (!native || !loader || file === undefined) return undefined
  const general = GeneralFlavor.safeParse(flavors['python_function']).data
  // A general flavour with a loader of its own does more than the framework would.
  if (general ? general.loader_module !== `mlflow.${loader}` : 'python_function' in flavors) return undefined
  const { model_class: entry, serialization_format: format, skops_trusted_types: trusted } = native
  const call = general?.predict_fn ?? native.predict_fn
  const code = general?.code ?? native.code
  return {
    loader,
    file,
    ...(entry !== undefined && { entry }),
    ...(format !== undefined && { format }),
    ...(trusted && { trusted }),
    ...(call !== undefined && { call }),
    ...(code && { code }),
  }
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
