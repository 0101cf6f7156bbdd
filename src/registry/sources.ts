import type { Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { Blobs, Tree } from '#storage'
import { readMlmodel } from './mlmodel-read.ts'
import { mlmodelName } from './mlmodel.ts'
import type { ModelVersion } from './model-version.ts'
import { notContained, parseSource, refused } from './source.ts'

/** What the registry asks of tracking: whose a source is, and which files are there now. All throw `not_found`. */
export interface SourceOwners {
  run(id: string): Promise<SourceOwner>
  loggedModel(id: string): Promise<SourceOwner & { sourceRunId?: string | undefined }>
  /** Every file below a path of the artifact proxy, by its path from there; none when nothing is there. */
  tree(path: string): Promise<readonly { path: string; digest: Digest; size: number }[]>
}

interface SourceOwner {
  readonly project: string
  readonly experimentId?: string
  readonly artifactUri: string
}

/** What permission to read a source is asked of. */
export interface SourceThing {
  readonly project: string
  readonly experiment?: string
  /** The full name of a registered model. */
  readonly model?: string
}

/** What a version turns out to be: the part of it that follows from its source. */
export type Resolved = Pick<
  ModelVersion,
  | 'source'
  | 'content'
  | 'digest'
  | 'bytes'
  | 'flavor'
  | 'signature'
  | 'inputExample'
  | 'environment'
  | 'trackingRun'
  | 'loggedModel'
>

export interface SourceRequest {
  readonly source: string
  readonly runId?: string | undefined
  readonly modelId?: string | undefined
  /** Whether who asks may read it: a version would show them its files. */
  mayRead(thing: SourceThing): Promise<boolean>
  /** The version that `models:/name/…` says. Throws `not_found`, and `invalid` of prompts and what may not be read. */
  version(name: string, which: { alias: string } | { version: string }): Promise<ModelVersion>
}

export interface SourceParts {
  readonly owners: SourceOwners
  readonly blobs: Blobs
}

const filesMax = 50_000
/** What fixes the environment, the most exact first. */
const environmentFiles = ['requirements.txt', 'conda.yaml', 'python_env.yaml']
const mlmodelBytesMax = 4 * 1024 * 1024

/** Finds what a source names, and takes hold of its files as they are now. Throws `invalid` in MLflow's words. */
export async function resolveSource(parts: SourceParts, request: SourceRequest): Promise<Resolved> {
  const { source, modelId, runId } = request
  const parsed = parseSource(source)
  switch (parsed.kind) {
    case 'remote':
      return { source, content: 'none', ...ids(runId, modelId) }
    case 'version':
      return copyOf(request, await request.version(parsed.name, parsed.which))
    case 'logged_model': {
      if (modelId !== undefined && modelId !== parsed.id) throw notContained(source)
      const model = await owner(parts.owners.loggedModel(parsed.id), request)
      return {
        ...(await held(parts, source, pathOf(model.artifactUri))),
        ...ids(runId ?? model.sourceRunId, parsed.id),
      }
    }
    case 'run': {
      if (runId !== undefined && runId !== parsed.id) throw notContained(source)
      const run = await owner(parts.owners.run(parsed.id), request)
      const path = pathOf(run.artifactUri)
      return { ...(await held(parts, source, path && `${path}/${parsed.path}`)), ...ids(parsed.id, modelId) }
    }
    case 'proxied': {
      const model = modelId === undefined ? undefined : await owner(parts.owners.loggedModel(modelId), request)
      const run = model || runId === undefined ? undefined : await owner(parts.owners.run(runId), request)
      const root = pathOf((model ?? run)?.artifactUri ?? '')
      if (root === undefined || !(parsed.path === root || parsed.path.startsWith(`${root}/`)))
        throw notContained(source)
      return { ...(await held(parts, source, parsed.path)), ...ids(runId ?? model?.sourceRunId, modelId) }
    }
  }
}

const ids = (run: string | undefined, model: string | undefined): Pick<Resolved, 'trackingRun' | 'loggedModel'> => ({
  ...(run !== undefined && run !== '' && { trackingRun: run }),
  ...(model !== undefined && { loggedModel: model }),
})

/** The owner of a source, if there is one that the caller may read; which of the two is not told. */
async function owner<Owner extends SourceOwner>(
  asked: Promise<Owner>,
  { source, mayRead }: SourceRequest,
): Promise<Owner> {
  const found = await asked.catch(error => {
    if (error instanceof TrainyardError && error.code === 'not_found') throw notContained(source)
    throw error
  })
  const { project, experimentId: experiment } = found
  if (!(await mayRead({ project, ...(experiment !== undefined && { experiment }) }))) throw notContained(source)
  return found
}

/** The path of an artifact URI in our proxy; undefined if it is elsewhere. */
const pathOf = (uri: string): string | undefined => /^mlflow-artifacts:\/+([^/].*)$/.exec(uri)?.[1]?.replace(/\/$/, '')

/** Nothing there yet is nothing held: the source stays where clients look, as on MLflow's server. */
async function held({ owners, blobs }: SourceParts, source: string, path: string | undefined): Promise<Resolved> {
  const files = path === undefined ? [] : await owners.tree(path)
  if (files.length > filesMax) throw refused(source, `It has more than ${filesMax} files.`)
  if (files.length === 0) return { source, content: 'none' }
  const tree: Tree = Object.fromEntries(
    files.map(file => [file.path, { digest: file.digest, size: file.size, executable: false }]),
  )
  const { digest } = await blobs.put(canonicalJson(tree))
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const mlmodel = files.find(file => file.path === mlmodelName && file.size <= mlmodelBytesMax)
  const described = mlmodel ? readMlmodel((await blobs.bytes(mlmodel.digest)).toString()) : {}
  const lock = environmentFiles.find(path => path in tree)
  return {
    source,
    content: 'folder',
    digest,
    bytes,
    ...described,
    ...(lock !== undefined && { environment: `${lock} ${tree[lock]!.digest}` }),
  }
}

function copyOf(
  { source, runId, modelId }: SourceRequest,
  { fullName, version, trackingRun, loggedModel, content, ...from }: ModelVersion,
): Resolved {
  if ((runId !== undefined && runId !== (trackingRun ?? '')) || (modelId !== undefined && modelId !== loggedModel))
    throw refused(source, 'The run_id and model_id request parameters must match the referenced model version.')
  const { digest, bytes, flavor, signature, inputExample, environment } = from
  return {
    source: `models:/${fullName}/${version}`,
    content,
    ...(digest !== undefined && { digest }),
    ...(bytes !== undefined && { bytes }),
    ...(flavor !== undefined && { flavor }),
    ...(signature && { signature }),
    ...(inputExample !== undefined && { inputExample }),
    ...(environment !== undefined && { environment }),
    ...ids(trackingRun, loggedModel),
  }
}
