import { durationMs } from '#kernel/duration.ts'
import type { Clock } from '#kernel/clock.ts'
import { digestOfJson, type Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import { listOf, outputNames } from '#project'
import { readTree, type Blobs, type Tree } from '#storage'
import { seedOf, type Artifact, type Artifacts, type Params, type Run, type RunTask } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { CacheHolder, WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'

/** Results by content: what was made from the same is not made again. */

interface Deps {
  readonly store: WorkflowStore
  readonly blobs: Pick<Blobs, 'bytes' | 'keep'>
  readonly clock: Clock
}

/** A task as it is about to be called. */
interface Called {
  readonly claim: Claim
  readonly run: Run
  readonly params: Params
  readonly inputs: Artifacts
}

/** How long to look away from a task that makes the same. */
const lookMs = 1_000

/** What becomes of a task without a call: another one has made the same, or is making it. Undefined when it is to be called. */
export async function fromCache(deps: Deps, called: Called): Promise<Outcome | undefined> {
  const { store, clock } = deps
  const { claim, run } = called
  const { mode, expires } = cacheOf(claim.spec)
  if (mode === 'off' || claim.begun || listOf(claim.spec) !== undefined) return undefined
  const key = await cacheKey(deps.blobs, called)
  const holder = await store.cacheHolder(run.project, key)
  if (holder && holder.id !== claim.task && mode !== 'refresh') {
    if (isOpen(holder)) return waitFor(holder, clock.now())
    if (await isUsable(deps, holder, expires)) return resultOf(holder)
  }
  if (mode === 'read' || holder?.id === claim.task) return undefined
  const isHeld = await store.holdCache({ project: run.project, key, task: claim.task, instead: holder?.id })
  // Someone was first: it is looked again who.
  return isHeld ? undefined : { state: 'waiting', waitingFor: 'a task of the same content', nextAt: clock.now() }
}

const cacheOf = ({ cache = 'off' }: RunTask): Exclude<typeof cache, string> =>
  typeof cache === 'string' ? { mode: cache } : cache

const isOpen = ({ state }: CacheHolder): boolean => ['ready', 'running', 'waiting', 'blocked'].includes(state)

const waitFor = ({ name, run }: CacheHolder, now: number): Outcome => ({
  state: 'waiting',
  waitingFor: `task ${name} of ${run}, which makes the same`,
  nextAt: now + lookMs,
})

const resultOf = ({ id, outputs, metrics }: CacheHolder): Outcome => ({
  state: 'cached',
  outputs,
  metrics,
  producer: id,
})

/** Whether a result is a success, young enough, and all of its bytes are there still. */
async function isUsable(
  { blobs, clock }: Deps,
  { state, endedAt = 0, outputs }: CacheHolder,
  expires: string | undefined,
): Promise<boolean> {
  if (state !== 'succeeded') return false
  if (expires !== undefined && endedAt < clock.now() - durationMs(expires)) return false
  for (const artifact of Object.values(outputs)) if (!(await areThere(blobs, artifact))) return false
  return true
}

async function areThere(blobs: Deps['blobs'], { digest, files }: Artifact): Promise<boolean> {
  if (digest === undefined) return true
  if (!(await blobs.keep(digest))) return false
  if (files === undefined) return true
  for (const file of Object.values(await readTree(blobs, digest))) if (!(await blobs.keep(file.digest))) return false
  return true
}

/**
 * SHA-256 over everything that the result follows from: code, command, lock files, platform, parameters, seed, and what
 * it reads, by content. Names of runs, tasks and files are not in it, but what a task sees of them is: the seed.
 */
export async function cacheKey(
  blobs: Pick<Blobs, 'bytes'>,
  { claim: { spec, declared }, run, params, inputs }: Called,
): Promise<Digest> {
  const tree = run.code === undefined ? {} : await readTree(blobs, run.code)
  const { node, python, conda } = spec.environment ?? {}
  const lockOf = (path: string | undefined): Digest | undefined => (path === undefined ? undefined : tree[path]?.digest)
  const seen = seenParams(spec, params)
  return digestOfJson({
    version: 1,
    run: spec.run,
    function: spec.function,
    code: codeOf(tree, cacheOf(spec).files),
    environment: { node: lockOf(node), python: lockOf(python), conda: lockOf(conda) },
    // Machines of another executor are other machines.
    executor: spec.executor,
    image: spec.image,
    nodes: spec.nodes,
    platform: `${process.platform} ${process.arch} ${process.versions.node.split('.')[0]}`,
    params: seen,
    seed: seedOf({ task: declared, params: seen, inputs }),
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, artifact]) => [name, contentOf(artifact)])),
    outputs: { names: outputNames(spec), declared: spec.outputs },
  })
}

/** Where an item stands in its list is nothing to a call that does not ask for it. */
export function seenParams({ params: declared }: RunTask, params: Params): Params {
  const asksForIndex = Object.values(declared).some(param => typeof param === 'object' && param.from === 'index')
  if (asksForIndex || Object.hasOwn(declared, 'index')) return params
  const { index: _, ...seen } = params
  return seen
}

const contentOf = ({ digest, ref, value, files }: Artifact): unknown =>
  digest ? { digest, files } : (ref ?? { value })

/** The files that the result depends on, by path and content. */
function codeOf(tree: Tree, files: readonly string[] | undefined): unknown {
  if (!files) return tree
  const paths = Object.entries(tree)
  const closure = files.flatMap(file => {
    const place = file.replace(/^\.\//, '').replace(/\/$/, '')
    const found = paths.filter(([path]) => path === place || path.startsWith(`${place}/`))
    if (found.length === 0)
      throw invalid('What the result depends on is not there.', [
        { field: 'cache.files', value: file, allowed: 'a file or folder of the code' },
      ])
    return found
  })
  return Object.fromEntries(closure)
}
