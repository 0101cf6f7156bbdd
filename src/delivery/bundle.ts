import { posix } from 'node:path'
import type { Digest } from '#kernel/digest.ts'
import type { ModelSpec, Revision } from '#project'
import type { EvaluatedVersion } from '#registry'
import {
  filesBeside,
  onnxFiles,
  packBundle,
  requirePreprocess,
  requireRules,
  type Golden,
  type ServiceView,
} from '#serving'
import { readTree, type Blobs } from '#storage'

/** What a model server needs to answer for one model version, and nothing else. */
export interface BundleContent {
  readonly version: EvaluatedVersion
  readonly model: ModelSpec
  /** The revision whose serving code is shipped. */
  readonly revision: Revision
  /** Where features are looked up; null when requests carry them all. */
  readonly service: ServiceView | null
  readonly golden: readonly Golden[]
}

/**
 * Stores the bundle of a version: with serving code, every file of its folder, at its place in the repository. Throws
 * `invalid` when its inputs are not those that are declared.
 */
export async function putBundle(
  blobs: Blobs,
  { version, model, revision, service, golden }: BundleContent,
): Promise<Digest> {
  const { inputs, preprocess } = model
  if (preprocess) requirePreprocess(version, service, preprocess)
  if (inputs) requireRules(version, { service, preprocess, inputs })
  const serving = model.serving === undefined ? undefined : posix.normalize(model.serving)
  return packBundle(blobs, {
    manifest: {
      project: version.project,
      model: version.model,
      version: version.id,
      number: version.version,
      signature: version.signature,
      service,
      ...(serving !== undefined && { serving }),
      golden: [...golden],
      ...(preprocess && { preprocess }),
      ...(inputs && { inputs }),
      ...(model.lookupMs !== undefined && { lookupMs: model.lookupMs }),
    },
    model: await onnxFiles(blobs, version.digest),
    code: serving === undefined ? {} : filesBeside(await readTree(blobs, revision.code), serving),
  })
}
