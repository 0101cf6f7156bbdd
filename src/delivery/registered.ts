import { conflict, invalid, type Problem } from '#kernel/error.ts'
import type { Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { inputTypes, loaderOf, mlmodelName, type ModelVersion, type Tensor } from '#registry'
import { folderFiles, lockFile, onnxFiles, packBundle, type PythonRuntime } from '#serving'
import type { Tree } from '#storage'
import type { TaskCall } from '#workflow'
import { exampleRows } from './example-rows.ts'
import type { DeliveryParts } from './parts.ts'

/** Versions that a client of MLflow has registered: a folder of files that some framework wrote, and no evaluation. */

const requirementsFile = 'requirements.txt'

/** A version that {@link requireDeployable} has let through. */
export type Registered = ModelVersion & {
  readonly content: 'folder'
  readonly digest: Digest
  readonly signature: object
}

/** Throws `conflict`, or `invalid` naming what is missing, unless a model server could answer with this version. */
export function requireDeployable(version: ModelVersion): asserts version is Registered {
  const { fullName, version: number, content, signature, digest } = version
  const which = `Version ${number} of ${fullName}`
  if (content !== 'folder' || digest === undefined)
    throw conflict(
      `${which} has no files here: log it to this platform, or register it from a run or a logged model.`,
      {
        version: version.id,
        content,
        allowed: ['a version whose files are held', 'a version with an evaluation'],
      },
    )
  const problems = signature ? signature.inputs.flatMap(inputProblems) : [unsigned]
  if (signature?.inputs.length === 0) problems.push(unsigned)
  if (problems.length > 0) throw invalid(`${which} cannot be deployed.`, problems)
}

const unsigned: Problem = {
  field: 'signature',
  allowed: 'named columns as inputs: log the model with `input_example=` a DataFrame, or with `signature=`',
}

function inputProblems({ name, datatype, shape }: Tensor): Problem[] {
  const field = `input ${name}`
  const isColumn = shape[0] === -1 && (shape.length === 1 || (shape.length === 2 && shape[1] === 1))
  return [
    ...(inputTypes.includes(datatype) ? [] : [{ field, value: datatype, allowed: inputTypes.join(', ') }]),
    ...(isColumn
      ? []
      : [{ field, value: shape, allowed: 'one value for each row: sign it with columns of a DataFrame' }]),
  ]
}

/** A registered version as a worker takes it. */
export interface PythonFiles {
  readonly runtime: PythonRuntime
  /** Its files, and the lock file of the packages that they need. */
  readonly files: Tree
  /** The rows that it was logged with, at most so many; without any, one of zeros. */
  example(rowsMax?: number): Promise<ReturnType<typeof exampleRows>>
}

/**
 * Its packages are resolved, and how it is loaded is read. Throws `invalid` when no worker could.
 * @param added Requirements beside its own, a line each.
 */
export async function pythonFiles(
  parts: Pick<DeliveryParts, 'blobs' | 'registry' | 'lockRequirements'>,
  version: Registered,
  call: Pick<TaskCall, 'signal' | 'log'>,
  added: readonly string[] = [],
): Promise<PythonFiles> {
  const folder = await parts.registry.files(version.id)
  const textOf = async (path: string): Promise<string | undefined> =>
    folder[path] && (await parts.blobs.bytes(folder[path].digest)).toString()
  const own = await textOf(requirementsFile)
  const lock = await lockOf(parts, own === undefined ? undefined : [own, ...added].join('\n'), call)
  const { inputExample, signature } = version
  return {
    runtime: runtimeOf(version, (await textOf(mlmodelName)) ?? '', lock),
    files: folderFiles(folder, lock),
    example: async rowsMax =>
      exampleRows(signature.inputs, inputExample === undefined ? undefined : await textOf(inputExample), rowsMax),
  }
}

/**
 * Stores the bundle of a registered version: its files and the lock file of the packages that they need, or the ONNX file
 * that it was converted to where that answers sooner; what it answers when it is asked, and those answers for its
 * rehearsal. Throws `task_failed` with the words of whatever fails.
 */
export async function bundleRegistered(parts: DeliveryParts, version: ModelVersion, call: TaskCall): Promise<Digest> {
  requireDeployable(version)
  const { blobs, probe, store } = parts
  const { signal, log } = call
  const { runtime, files, example: exampleOf } = await pythonFiles(parts, version, call)

  const { inputs, outputs: known } = version.signature
  const example = await exampleOf()
  log(example.isGiven ? `${example.rows.length} rows of its own example.` : noExample)
  const { outputs, golden } = await probe({
    files: (await blobs.put(canonicalJson(files))).digest,
    runtime,
    inputs,
    outputs: known.map(({ name }) => name),
    rows: example.rows,
    signal,
    log,
  })
  log(
    `It answers ${outputs.map(({ name, datatype, shape }) => `${name} (${datatype} ${shape.join('x')})`).join(', ')}.`,
  )
  const conversion = await store.conversion(version.id)
  if (conversion) log(`As ONNX: ${conversion.reason}`)
  const onnx = conversion?.outcome === 'faster' ? conversion.onnx : undefined
  const { project, model, id, version: number } = version
  const signature = { inputs: [...inputs], outputs: [...outputs] }
  const manifest = { project, model, version: id, number, signature, service: null, golden: [...golden] }
  return onnx === undefined
    ? packBundle(blobs, { manifest: { ...manifest, runtime }, model: files })
    : packBundle(blobs, { manifest, model: await onnxFiles(blobs, onnx) })
}

const noExample =
  'It was logged without a usable example of its input: it is tried with a row of zeros and empty texts.'

async function lockOf(
  { blobs, lockRequirements }: Pick<DeliveryParts, 'blobs' | 'lockRequirements'>,
  requirements: string | undefined,
  { signal, log }: Pick<TaskCall, 'signal' | 'log'>,
): Promise<Tree[string] | undefined> {
  if (requirements === undefined) return undefined
  const text = await lockRequirements({ requirements, signal, log })
  return { ...(await blobs.put(text)), executable: false }
}

function runtimeOf(
  { fullName, version }: ModelVersion,
  mlmodel: string,
  lock: Tree[string] | undefined,
): PythonRuntime {
  const loader = loaderOf(mlmodel)
  if (!loader)
    throw invalid(`Version ${version} of ${fullName} cannot be deployed.`, [
      {
        field: `${mlmodelName}, flavors`,
        allowed:
          'sklearn, xgboost, lightgbm, pytorch or python_function, as MLflow writes them, or trainyard with a `class`',
      },
    ])
  if (loader.loader !== 'class' && !lock)
    throw invalid(`Version ${version} of ${fullName} cannot be deployed.`, [
      { field: requirementsFile, allowed: 'the packages that the model needs, with versions' },
    ])
  return { kind: 'python', ...loader, ...(lock && { lock: lockFile }) }
}
