import { z } from 'zod'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { Name } from '#kernel/wire.ts'
import { ServiceViewWire } from '#features/wire.ts'
import { InputRule } from '#project/input-rule.ts'
import { SignatureWire } from '#registry/wire.ts'
import type { Blobs, Tree } from '#storage'

/**
 * A serving bundle is a tree: `bundle.json`, `model.onnx` and the files of the serving code. It is all that a model
 * server needs, so that what was rehearsed is, byte for byte, what takes traffic.
 */

const Scalar = z.union([z.number(), z.string(), z.boolean(), z.null()])

/** One row whose answer is known, by feature and by output; outputs of several columns are `name.0`, `name.1` … */
export const GoldenWire = z.object({ inputs: z.record(z.string(), Scalar), outputs: z.record(z.string(), Scalar) })

/** `bundle.json`. */
export const BundleManifest = z.object({
  project: Name,
  model: Name,
  /** Id and number of the model version. */
  version: z.string(),
  number: z.int().positive(),
  signature: SignatureWire,
  service: ServiceViewWire.nullable(),
  /** Path of the module in the bundle that exports `postprocess`. */
  serving: z.string().optional(),
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

/** Stores a bundle and answers its digest: the same parts give the same digest. `code` is the tree of the serving code. */
export async function packBundle(
  blobs: Blobs,
  { manifest, model, code = {} }: { manifest: BundleManifest; model: Digest; code?: Tree },
): Promise<Digest> {
  const text = canonicalJson(BundleManifest.parse(manifest))
  const { size } = await blobs.put(text)
  const bytes = await blobs.find(model)
  const tree: Tree = {
    ...code,
    [manifestFile]: { digest: digestOf(text), size, executable: false },
    [modelFile]: { digest: model, size: bytes?.size ?? 0, executable: false },
  }
  return (await blobs.put(canonicalJson(tree))).digest
}
