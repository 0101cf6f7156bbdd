import { z } from 'zod'
import { crashPoint } from '#kernel/crash-point.ts'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { bytesOf } from '#kernel/size.ts'
import type { Attempt } from '#workflow'
import { assignmentOf } from './assignment.ts'
import { courierCommand } from './courier.ts'
import { lost } from './end.ts'
import type { Job } from './engine.ts'
import { sizeOf } from './log-sink.ts'
import { hashOfNodeSecret, newNodeSecret, sealFor } from './node-token.ts'
import { untilAnswered } from './remote-follow.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { saidOf } from './task-environment.ts'
import type { AssignedSecrets } from './wire.ts'

/** How an attempt becomes a job: noted here first, then on its nodes' desk, then submitted. */

/** What is noted of an attempt before its job is submitted. */
export const RemoteHandle = z.object({
  executor: z.string(),
  /** Where in the log its output begins. */
  logFrom: z.int(),
  /** The id of its token for MLflow. */
  token: z.string().nullable(),
})
export type RemoteHandle = z.output<typeof RemoteHandle>

/** A token outlives its attempt's limit by so long: a job may wait in a queue for days. */
const queueMsMax = 14 * 24 * 3_600_000

export async function begin(deps: RemoteDeps, attempt: Attempt): Promise<{ handle: RemoteHandle; job: string }> {
  const { name, store, clock, checkpoints, mlflow } = deps
  const { everyMs } = checkpoints
  const kept = attempt.spec.checkpoint ? { everyMs, tree: await checkpoints.find(attempt.key) } : undefined
  const assignment = assignmentOf(attempt, deps, kept)
  const access = await mlflow?.open(attempt)
  const handle = { executor: name, logFrom: await sizeOf(attempt.logFile.path), token: access?.token?.id ?? null }
  await store.open({ attempt: attempt.id, executor: name, assignment, at: clock.now() })
  await attempt.started(handle)
  const token = access?.token ? [access.token.secret] : []
  const job = await submit(deps, attempt, {
    variables: { ...access?.variables, ...saidOf(attempt) },
    mask: [...attempt.secrets.mask, ...token],
  })
  attempt.log(`Submitted to ${name} as ${job}.`)
  return { handle, job }
}

/** Its job, submitted now when the process that was to do it was cut off before. */
export async function resume(deps: RemoteDeps, attempt: Attempt): Promise<string> {
  const remote = await deps.store.find(attempt.id)
  if (!remote || remote.isClosed) throw lost('Nothing is known of the attempt any more.')
  if (remote.job !== undefined) return remote.job
  return submit(deps, attempt, { variables: saidOf(attempt), mask: [...attempt.secrets.mask] })
}

/** Submits the job, as often as it takes: the engine knows it by the attempt. */
async function submit(deps: RemoteDeps, attempt: Attempt, secrets: AssignedSecrets): Promise<string> {
  const { engine, store, clock } = deps
  const secret = newNodeSecret()
  await store.addToken({
    hash: hashOfNodeSecret(secret),
    attempt: attempt.id,
    sealed: sealFor(secret, JSON.stringify(secrets)),
    expiresAt: clock.now() + attempt.timeoutMs + queueMsMax,
  })
  const job = jobOf(attempt, await courierCommand(), { deps, secret })
  let isTold = false
  const submitted = await untilAnswered(() => engine.submit(job), {
    signal: attempt.signal,
    isAway: error => error instanceof TrainyardError && error.code === 'unavailable',
    told(error) {
      if (!isTold) attempt.log(`${messageOf(error)} It is tried again.`)
      isTold = true
    },
  })
  crashPoint('compute.submitted')
  await store.setJob(attempt.id, submitted)
  return submitted
}

function jobOf(
  attempt: Attempt,
  command: readonly string[],
  { deps, secret }: { deps: RemoteDeps; secret: string },
): Job {
  const { id, run, task, spec, timeoutMs } = attempt
  const { cpu, memory, gpu } = spec.resources ?? {}
  return {
    attempt: id,
    of: { project: run.project, run: run.id, task },
    command,
    env: { TRAINYARD_URL: deps.nodeUrl(), TRAINYARD_TOKEN: secret, TRAINYARD_JOB: id },
    resources: { cpu, gpu, memoryBytes: memory === undefined ? undefined : bytesOf(memory) },
    nodes: spec.nodes ?? 1,
    image: spec.image,
    graceMs: deps.graceMs,
    limitMs: timeoutMs + deps.graceMs + deps.patienceMs,
  }
}
