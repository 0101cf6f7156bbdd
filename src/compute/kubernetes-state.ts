import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { EngineEnd, Observation } from './engine.ts'
import { containerName } from './kubernetes-job.ts'

/** What a Job and its pods say about an attempt. */

/** An image that cannot be fetched for so long never will be. */
const imageMsMax = 10 * 60_000

export function observationOf(job: V1Job | undefined, pods: readonly V1Pod[], now: number): Observation {
  if (!job) return { state: 'absent' }
  const condition = (type: string): { reason?: string; message?: string } | undefined =>
    job.status?.conditions?.find(one => one.type === type && one.status === 'True')
  if (condition('Complete')) return { state: 'ended', end: { code: 0, cause: 'succeeded' } }
  const failed = condition('Failed')
  if (failed) return { state: 'ended', end: failureOf(failed, pods) }
  // By Kueue, or by a person: neither is a failure.
  if (condition('Suspended') || job.spec?.suspend) return { state: 'queued', because: 'suspended' }
  // The counters are behind the pods: only conditions say that a job is over, and only pods that it has begun.
  if (pods.some(pod => pod.status?.phase === 'Running' || containerOf(pod)?.state?.terminated))
    return { state: 'running' }
  return waitingOf(job, pods, now)
}

function waitingOf(job: V1Job, pods: readonly V1Pod[], now: number): Observation {
  const held = pods.map(pod => containerOf(pod)?.state?.waiting).find(waiting => waiting?.reason !== undefined)
  const unscheduled = pods
    .flatMap(pod => pod.status?.conditions ?? [])
    .find(one => one.type === 'PodScheduled' && one.status === 'False')
  const because = sentence(held?.reason ?? unscheduled?.reason, held?.message ?? unscheduled?.message)
  const waitedMs = now - (job.metadata?.creationTimestamp?.getTime() ?? now)
  const isHopeless = held?.reason === 'InvalidImageName' || (/Image/.test(held?.reason ?? '') && waitedMs > imageMsMax)
  if (isHopeless) return { state: 'ended', end: { cause: 'environment', because } }
  return { state: 'queued', ...(because !== '' && { because }) }
}

/** The first pod that failed says why; when it is gone, the Job's own condition does. */
function failureOf({ reason, message = '' }: { reason?: string; message?: string }, pods: readonly V1Pod[]): EngineEnd {
  const pod = pods.find(one => one.status?.phase === 'Failed')
  const ended = pod && containerOf(pod)?.state?.terminated
  const because = sentence(
    pod?.status?.reason ?? ended?.reason ?? reason,
    pod?.status?.message ?? ended?.message ?? message,
  )
  if (isDisrupted(pod) || /DisruptionTarget/.test(message)) return { cause: 'preempted', because }
  if (pod?.status?.reason === 'DeadlineExceeded' || reason === 'DeadlineExceeded') return { cause: 'limit', because }
  if (ended?.reason === 'OOMKilled') return { ...exitOf(ended.exitCode), cause: 'memory', because }
  const code = ended?.exitCode ?? codeIn(message)
  return code === undefined ? { cause: 'node', because } : { ...exitOf(code), cause: 'exit', because }
}

const isDisrupted = (pod: V1Pod | undefined): boolean =>
  pod?.status?.reason === 'Evicted' ||
  (pod?.status?.conditions ?? []).some(one => one.type === 'DisruptionTarget' && one.status === 'True')

/** A container says 128 and the signal's number for a command that a signal has ended. */
const exitOf = (code: number): { code: number } | { signal: number } => (code > 128 ? { signal: code - 128 } : { code })

const codeIn = (message: string): number | undefined => {
  const [, code] = /failed with exit code (\d+)/.exec(message) ?? []
  return code === undefined ? undefined : Number(code)
}

const containerOf = (pod: V1Pod) => pod.status?.containerStatuses?.find(({ name }) => name === containerName)

const sentence = (reason = '', message = ''): string => [reason, message].filter(Boolean).join(': ')
