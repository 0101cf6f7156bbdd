import type { Digest } from '#kernel/digest.ts'
import type { Projects } from '#project'
import { readTree, type Blobs } from '#storage'
import type { Push } from './trigger.ts'

/** The code of a commit as a tree: of branches that nobody has delivered. */
export type Snapshot = (project: string, commit: string) => Promise<Digest>

interface Deps {
  readonly projects: Pick<Projects, 'revision' | 'history'>
  readonly blobs: Pick<Blobs, 'bytes'>
  readonly snapshot: Snapshot
}

/** The code that a push brought, and the files that it changed, added or removed: all of them when it is the first. */
export async function changedFiles(
  deps: Deps,
  project: string,
  push: Push,
): Promise<{ code: Digest | undefined; paths: readonly string[] }> {
  const { before, after: code } =
    push.revision === undefined ? await onBranch(deps, project, push) : await delivered(deps, push.revision)
  const old = before === undefined ? {} : await readTree(deps.blobs, before)
  const now = code === undefined ? {} : await readTree(deps.blobs, code)
  const paths = [...new Set([...Object.keys(old), ...Object.keys(now)])]
  return { code, paths: paths.filter(path => old[path]?.digest !== now[path]?.digest) }
}

interface Trees {
  readonly before: Digest | undefined
  readonly after: Digest | undefined
}

async function delivered({ projects }: Deps, id: string): Promise<Trees> {
  const { project, number, code } = await projects.revision(id)
  const { items } = await projects.history(project, { limit: 1, after: String(number) })
  return { before: items[0]?.code, after: code }
}

const onBranch = async ({ snapshot }: Deps, project: string, { commit, before }: Push): Promise<Trees> => ({
  before: before === undefined ? undefined : await snapshot(project, before),
  after: await snapshot(project, commit),
})
