import { posix } from 'node:path'
import { z } from 'zod'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { Name } from '#kernel/wire.ts'
import { ServiceViewWire } from '#features/wire.ts'
import { GraphNode } from '#project/graph-spec.ts'
import { InputRule } from '#project/input-rule.ts'
import { Preprocess } from '#project/preprocess-spec.ts'
import { SignatureWire } from '#registry/wire.ts'
import { readTree, type Blobs, type Tree } from '#storage'

/**
 * A serving bundle is a tree: `bundle.json`, the model (`model.onnx`, or the files of `model/` with the lock file of their
 * environment) and the files of the serving code. It is all that a model server needs, so that what was rehearsed is, byte
 * for byte, what takes traffic.
 */

const Scalar = z.union([z.number(), z.string(), z.boolean(), z.null()])

/** One row whose answer is known, by feature and by output; outputs of several columns are `name.0`, `name.1` … */
export const GoldenWire = z.object({ inputs: z.record(z.string(), Scalar), outputs: z.record(z.string(), Scalar) })

/** What runs the model: a Python worker on the files of `model/`, or ONNX Runtime on `model.onnx`. */
const PythonRuntimeWire = z.object({
  kind: z.literal('python'),
  /** `class`: a class of the model's own code. `mlflow`: what MLflow's general flavour loads. Others: by the framework's package. */
  loader: z.enum(['mlflow', 'class', 'sklearn', 'xgboost', 'lightgbm', 'pytorch']),
  /** Of a class: `module:Class`; else the framework's class. */
  entry: z.string().optional(),
  /** Of a framework: path of its file in `model/`, how it is serialised, which types that may make, and the method that answers. */
  file: z.string().optional(),
  format: z.string().optional(),
  trusted: z.array(z.string()).readonly().optional(),
  call: z.string().optional(),
  /** Folder in `model/` of modules that it needs. */
  code: z.string().optional(),
  /** Path of the lock file of its packages; without one it has those of the platform's Python. */
  lock: z.string().optional(),
})
/** No model: deployments and code that are asked one after the other. */
const GraphRuntimeWire = z.object({ kind: z.literal('graph'), nodes: z.record(z.string(), GraphNode) })
const RuntimeWire = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('onnx') }),
  PythonRuntimeWire,
  GraphRuntimeWire,
])
export type PythonRuntime = z.output<typeof PythonRuntimeWire>

/** `bundle.json`. */
export const BundleManifest = z.object({
  project: Name,
  model: z.string(),
  /** Id and number of the model version. */
  version: z.string(),
  number: z.int().positive(),
  signature: SignatureWire,
  service: ServiceViewWire.nullable(),
  runtime: RuntimeWire.default({ kind: 'onnx' }),
  /** Path of the module in the bundle that is the serving code. */
  serving: z.string().optional(),
  /** What it makes inputs of; it exports `preprocess` then. */
  preprocess: Preprocess.optional(),
  golden: z.array(GoldenWire),
  /** What requests may send, by the name of the input. */
  inputs: z.record(z.string(), InputRule).optional(),
  /** How long a request may wait for features that are looked up, in milliseconds. */
  lookupMs: z.int().positive().optional(),
})

export type BundleManifest = z.output<typeof BundleManifest>
/** Which features a request may leave out, and where they are looked up. */
export type ServiceView = z.output<typeof ServiceViewWire>
export type Golden = z.output<typeof GoldenWire>

export const manifestFile = 'bundle.json'
export const modelFile = 'model.onnx'
export const modelFolder = 'model'
export const lockFile = 'requirements.lock'
/** Beside a bundle's files where it is checked out: a link to the Python of its environment on this machine. */
export const pythonLink = '.python'

/** The manifest of a bundle. */
export async function readManifest(blobs: Blobs, bundle: Digest): Promise<BundleManifest> {
  const text = await blobs.bytes((await readTree(blobs, bundle))[manifestFile]!.digest)
  return BundleManifest.parse(JSON.parse(text.toString()))
}

/** The files of an ONNX model in a bundle. */
export async function onnxFiles(blobs: Blobs, model: Digest): Promise<Tree> {
  return { [modelFile]: { digest: model, size: (await blobs.find(model))?.size ?? 0, executable: false } }
}

/** The files of a model of another kind in a bundle: its folder, and the lock file of its environment. */
export const folderFiles = (folder: Tree, lock?: Tree[string]): Tree => ({
  ...Object.fromEntries(Object.entries(folder).map(([path, file]) => [`${modelFolder}/${path}`, file])),
  ...(lock && { [lockFile]: lock }),
})

/** A module in `serving/` may import its neighbours and what is below them. */
export function filesBeside(tree: Tree, module: string): Tree {
  const folder = posix.dirname(module)
  return Object.fromEntries(Object.entries(tree).filter(([path]) => folder === '.' || path.startsWith(`${folder}/`)))
}

/** Stores a bundle and answers its digest: the same parts give the same digest. `code` is the tree of the serving code. */
export async function packBundle(
  blobs: Blobs,
  { manifest, model, code = {} }: { manifest: z.input<typeof BundleManifest>; model: Tree; code?: Tree },
): Promise<Digest> {
  const text = canonicalJson(BundleManifest.parse(manifest))
  const { size } = await blobs.put(text)
  const tree: Tree = { ...code, ...model, [manifestFile]: { digest: digestOf(text), size, executable: false } }
  return (await blobs.put(canonicalJson(tree))).digest
}
