import type { Resource } from '#access'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import type { Digest } from '#kernel/digest.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Tree } from '#storage'
import { artifactPath, type ArtifactEntry, type ArtifactOwner, type Artifacts } from '#tracking'

/** What is behind a path of the artifact proxy: who must be asked, and the files. */
export interface Place {
  /** In the one form that everything below works with. */
  readonly path: string
  readonly resource: Resource
  /** Who has what is written here. Throws `forbidden` where nothing can be. */
  owner(): ArtifactOwner
  list(page: PageRequest): Promise<Page<ArtifactEntry>>
  /** Throws `not_found`, and `invalid` on a directory. */
  file(): Promise<{ readonly digest: Digest; readonly size: number }>
}

/** A run or a logged model, as one that has files. */
export interface Holder {
  readonly project: string
  readonly experimentId: string
  readonly artifactUri: string
}

export interface PlaceParts {
  readonly artifacts: Pick<Artifacts, 'get' | 'list'>
  /** Throws `not_found`. */
  readonly experiments: { get(id: string): Promise<{ readonly project: string }> }
  /** Throws `not_found`. */
  readonly runs: { get(id: string): Promise<Holder> }
  /** Throws `not_found`. */
  readonly loggedModels: { get(id: string): Promise<Holder> }
  /** The frozen files of versions of models, in `model-versions/<id>`. Both throw `not_found`. */
  readonly registry: {
    version(id: string): Promise<{ readonly project: string; readonly fullName: string }>
    files(id: string): Promise<Tree>
  }
}

/** The one way from what a request says to what is stored. Throws `not_found` when nobody has the path. */
export async function placeOf(parts: PlaceParts, text: string): Promise<Place> {
  const path = artifactPath(text)
  const [first, second, ...rest] = path.split('/')
  if (first === 'model-versions' && second !== undefined) return versionPlace(parts, path, [second, rest.join('/')])
  const owner = await ownerOf(parts, path)
  return {
    path,
    resource: { project: owner.project, kind: 'experiment', id: owner.experiment },
    owner: () => owner,
    list: page => parts.artifacts.list(path, page),
    file: () => parts.artifacts.get(path),
  }
}

/**
 * The experiment that a path begins with. An experiment may say another location: then it is the run or logged model
 * whose own place the path is in, and below a number never.
 */
async function ownerOf(parts: PlaceParts, path: string): Promise<ArtifactOwner> {
  const segments = path.split('/')
  const first = segments[0]!
  if (/^\d+$/.test(first)) return { project: (await parts.experiments.get(first)).project, experiment: first }
  const id = segments[segments.indexOf('artifacts') - 1]
  const holders = id?.startsWith('m-') ? parts.loggedModels : parts.runs
  const holder = id === undefined ? undefined : await holders.get(id).catch(unknown)
  if (!holder || !`${path}/`.startsWith(`${artifactPath(proxiedPath(holder.artifactUri))}/`))
    throw notFound('experiment', first)
  return { project: holder.project, experiment: holder.experimentId }
}

function unknown(error: unknown): undefined {
  if (!(error instanceof TrainyardError && error.code === 'not_found')) throw error
}

async function versionPlace(
  { registry }: PlaceParts,
  path: string,
  [id, inner]: readonly [string, string],
): Promise<Place> {
  const { project, fullName } = await registry.version(id)
  return {
    path,
    resource: { project, kind: 'registered_model', id: fullName },
    owner() {
      throw new TrainyardError('forbidden', 'The files of a model version never change: register a new version.')
    },
    async list({ limit, after = '' }) {
      const entries = childrenOf(await registry.files(id), inner).filter(({ name }) => name > after)
      const items = entries.slice(0, limit)
      return entries.length > limit ? { items, next: items.at(-1)!.name } : { items }
    },
    async file() {
      const files = await registry.files(id)
      const file = Object.hasOwn(files, inner) ? files[inner] : undefined
      if (file) return file
      if (childrenOf(files, inner).length === 0) throw notFound('artifact', path)
      throw invalid('The path is a directory.', [{ field: 'path', value: path, allowed: 'the path of a file' }])
    },
  }
}

/** One level of a tree, by name. */
function childrenOf(tree: Tree, directory: string): readonly ArtifactEntry[] {
  const prefix = directory === '' ? '' : `${directory}/`
  const entries = new Map<string, ArtifactEntry>()
  for (const [path, { size }] of Object.entries(tree)) {
    if (!path.startsWith(prefix)) continue
    const [name, ...deeper] = path.slice(prefix.length).split('/')
    entries.set(name!, {
      name: name!,
      kind: deeper.length > 0 ? 'directory' : 'file',
      size: deeper.length > 0 ? 0 : size,
    })
  }
  return [...entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** The proxied path of an artifact URI. Throws `invalid` when its files are not kept here. */
export function proxiedPath(uri: string): string {
  const [, path] = /^mlflow-artifacts:\/+([^?#]+)$/.exec(uri) ?? []
  if (path !== undefined && !uri.startsWith('mlflow-artifacts://')) return path
  throw invalid('The artifacts are not kept by this server.', [
    { field: 'artifact_uri', value: uri, allowed: 'mlflow-artifacts:/<path>' },
  ])
}
