import { stopKind, type Artifacts, type Attempt, type Execution, type Executor } from '#workflow'
import { lastLines, lost, stopped } from './end.ts'
import { parseMetrics } from './metrics.ts'
import { metricsName } from './node-desk.ts'
import { errorOfEngine, errorOfNode, recordOfEnd } from './remote-end.ts'
import { followRemote, type Ending } from './remote-follow.ts'
import { begin, RemoteHandle, resume } from './remote-submit.ts'
import { createWatch, type Watch } from './watch.ts'
import type { RemoteDeps } from './remote-deps.ts'

const logLinesMax = 40

/** Runs users' code on the nodes of an engine. Any process of the platform may follow what another has begun. */
export function remoteExecutor(deps: RemoteDeps): Executor {
  const { name, engine, store, clock, mlflow } = deps
  const watch = createWatch(engine, deps.pollMs)

  /** Whatever becomes of it, nothing is accepted of it any more, unless somebody else follows it from here on. */
  async function closing(attempt: Attempt, work: () => Promise<Execution>): Promise<Execution> {
    // It has not run yet: it waits for room.
    attempt.ran(undefined)
    try {
      return await work()
    } finally {
      if (stopKind(attempt.signal) !== 'left') await close(attempt.id)
    }
  }

  async function close(id: string): Promise<void> {
    const remote = await store.find(id)
    await store.close(id, clock.now())
    // The engine's own clean-up does it, when it does not answer now.
    if (remote?.job !== undefined) await engine.forget(remote.job).catch(() => {})
  }

  const followed = (attempt: Attempt, handle: RemoteHandle, job: string): Promise<Execution> =>
    conclude({ ...deps, watch }, attempt, { handle, job }).finally(async () => {
      if (handle.token !== null && stopKind(attempt.signal) !== 'left') await mlflow?.close(handle.token)
    })

  return {
    execute: attempt =>
      closing(attempt, async () => {
        const { handle, job } = await begin(deps, attempt)
        return followed(attempt, handle, job)
      }),

    adopt: (attempt, given) =>
      closing(attempt, async () => followed(attempt, RemoteHandle.parse(given), await resume(deps, attempt))),

    canReach: async () => true,

    async reap(live) {
      const found = await store.openOf(name)
      if (found.length === 0) return
      const wanted = await live(found.map(({ attempt }) => attempt))
      for (const { attempt, job } of found.filter(one => !wanted.has(one.attempt))) {
        if (job !== undefined) await engine.cancel(job).catch(() => {})
        await close(attempt)
      }
    },
  }
}

/** Goes with a job to its end, and makes of it what the attempt comes to. */
async function conclude(
  deps: RemoteDeps & { readonly watch: Watch },
  attempt: Attempt,
  { handle, job }: { handle: RemoteHandle; job: string },
): Promise<Execution> {
  const ending = await followRemote(deps, attempt, job)
  const [node] = ending.nodes
  if (node) attempt.record({ host: { ...node.host, cpuModel: 'unknown', versions: { python: node.host.python } } })
  if (ending.kind === 'reported') attempt.record({ exit: recordOfEnd(ending.end) })
  const lines = await lastLines(attempt.logFile.path, handle.logFrom)
  if (attempt.signal.aborted) throw stopped(attempt.signal.reason, lines)
  if (ending.kind === 'lost') {
    await deps.engine.cancel(job).catch(() => {})
    throw lost(ending.why)
  }
  if (ending.kind === 'ended') {
    const kept = await engineLines(deps, attempt, job)
    throw errorOfEngine(ending.end, ending.hasBegun, kept.length > 0 ? kept : lines)
  }
  const error = errorOfNode(ending.end, lines)
  if (error) throw error
  return collected(deps, attempt, { job, ending })
}

/** What the engine has kept of a job that never reached the platform says why. */
async function engineLines({ engine, name }: RemoteDeps, attempt: Attempt, job: string): Promise<readonly string[]> {
  const text = await engine.log(job).catch(() => '')
  const kept = text.trimEnd().split(/\r?\n/).slice(-logLinesMax).filter(Boolean)
  for (const line of kept) attempt.log(`${name}: ${line}`)
  return kept
}

async function collected(
  { name, store, blobs, checkpoints }: RemoteDeps,
  { id, key, seed, spec }: Attempt,
  { job, ending: { nodes, ...ending } }: { job: string; ending: Ending },
): Promise<Execution> {
  const { [metricsName]: measured, ...outputs }: Artifacts = await store.outputs(id)
  if (spec.checkpoint) await checkpoints.settle(key)
  const exit = ending.kind === 'reported' ? ending.end.exit : undefined
  return {
    outputs,
    metrics: measured?.digest === undefined ? [] : parseMetrics((await blobs.bytes(measured.digest)).toString()),
    facts: {
      executor: name,
      job,
      host: nodes[0]?.host.name ?? '',
      exit: 0,
      platform: nodes[0]?.host.platform ?? '',
      seconds: exit?.seconds ?? 0,
      seed,
    },
  }
}
