import { notFound } from '#kernel/error.ts'
import { readTree, type Blobs, type Tree } from '#storage'
import { onnxFolder } from './mlmodel.ts'
import type { ModelVersion } from './model-version.ts'

/** Below this first segment the artifact proxy shows the files of versions, to read only. */
const filesRoot = 'model-versions'

/** Where MLflow's clients find the files of a version: `mlflow-artifacts:/model-versions/mdv_…`. */
export const filesUri = (id: string): string => `mlflow-artifacts:/${filesRoot}/${id}`

/** A version's files as they were registered; of an ONNX file, the folder that MLflow keeps one in. */
export async function filesOf(blobs: Blobs, version: ModelVersion): Promise<Tree> {
  const { content, digest, bytes, fullName, version: number } = version
  if (digest === undefined || content === 'none') throw notFound('file here of', `${fullName} ${number}`)
  if (content === 'folder') return readTree(blobs, digest)
  const texts = await Promise.all(
    Object.entries(onnxFolder(version)).map(async ([path, text]) => [path, await blobs.put(text)] as const),
  )
  const files = [...texts, ['model.onnx', { digest, size: bytes ?? 0 }] as const]
  return Object.fromEntries(files.map(([path, blob]) => [path, { ...blob, executable: false }]))
}
