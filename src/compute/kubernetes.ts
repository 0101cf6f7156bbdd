import { readFile } from 'node:fs/promises'
import type { BatchV1Api, CoreV1Api, V1Job, V1Pod } from '@kubernetes/client-node'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { unknownAll, type Engine, type Job } from './engine.ts'
import {
  attemptLabel,
  containerName,
  jobOf,
  managedBy,
  nameOf,
  secretOf,
  serviceOf,
  type KubernetesPlace,
} from './kubernetes-job.ts'
import { observationOf } from './kubernetes-state.ts'

export interface KubernetesDeps extends KubernetesPlace {
  /** A kubeconfig file; without one the service account of the pod that this runs in. */
  readonly kubeconfig?: string | undefined
  /** The file's current context when left out. */
  readonly context?: string | undefined
  now(): number
}

interface Api {
  readonly batch: BatchV1Api
  readonly core: CoreV1Api
}

const ours = `${managedBy}=trainyard`
const pageSize = 500
const logBytesMax = 256 * 1024

/**
 * Jobs of a Kubernetes cluster (1.31 or later, for pod failure policies). What became of them is asked by listing, not by
 * watching: a list cannot fall behind, and two requests answer for all attempts.
 */
export function kubernetesEngine({ kubeconfig, context, now, ...place }: KubernetesDeps): Engine {
  const { namespace } = place
  let opened: Promise<Api> | undefined
  const api = (): Promise<Api> => (opened ??= openApi(kubeconfig, context))

  const remove = async (name: string): Promise<void> => removeAll(await api(), { name, namespace })

  return {
    submit: async job => submitTo(await api(), place, job),

    async observe(names) {
      try {
        const { batch, core } = await api()
        const list = { namespace, labelSelector: ours, limit: pageSize }
        const jobs = await all<V1Job>(_continue =>
          batch.listNamespacedJob({ ...list, ...(_continue && { _continue }) }),
        )
        const pods = await all<V1Pod>(_continue => core.listNamespacedPod({ ...list, ...(_continue && { _continue }) }))
        const podsOf = Map.groupBy(pods, pod => nameOf(pod.metadata?.labels?.[attemptLabel] ?? ''))
        const byName = new Map(jobs.map(job => [job.metadata?.name, job]))
        return new Map(names.map(name => [name, observationOf(byName.get(name), podsOf.get(name) ?? [], now())]))
      } catch (error) {
        return unknownAll(names, wordsOf(error))
      }
    },

    // The kubelet asks (TERM), waits for the pod's grace, and ends.
    cancel: remove,
    forget: remove,

    async log(name) {
      const { core } = await api()
      const pods = await core.listNamespacedPod({ namespace, labelSelector: ours })
      const own = pods.items.filter(pod => nameOf(pod.metadata?.labels?.[attemptLabel] ?? '') === name)
      const texts = own.map(pod =>
        core
          .readNamespacedPodLog({
            name: pod.metadata!.name!,
            namespace,
            container: containerName,
            limitBytes: logBytesMax,
          })
          .catch(() => ''),
      )
      return (await Promise.all(texts)).join('')
    },
  }
}

/** Makes a thing, unless it is there already; one of that name that is not this attempt's is an error. */
async function make(
  attempt: string,
  create: () => Promise<unknown>,
  read: () => Promise<{ metadata?: { labels?: Record<string, string> } }>,
): Promise<void> {
  await create().catch(async (error: unknown) => {
    if (statusOf(error) !== 409) throw refusal(error)
    const there = await read()
    if (there.metadata?.labels?.[attemptLabel] === attempt) return
    throw new TrainyardError('task_failed', `Kubernetes has a thing ${nameOf(attempt)} that is not ours.`, {
      cause: { kind: 'engine' },
    })
  })
}

/** Everything that a pod needs before the Job that makes it. */
async function submitTo({ batch, core }: Api, place: KubernetesPlace, job: Job): Promise<string> {
  const { namespace } = place
  const { attempt } = job
  const name = nameOf(attempt)
  const at = { name, namespace }
  // A Secret is the attempt's by its name: nobody needs to be allowed to read it for that.
  const ours = async () => ({ metadata: { labels: { [attemptLabel]: attempt } } })
  await make(attempt, () => core.createNamespacedSecret({ namespace, body: secretOf(job, place) }), ours)
  if (job.nodes > 1)
    await make(
      attempt,
      () => core.createNamespacedService({ namespace, body: serviceOf(job, place) }),
      () => core.readNamespacedService(at),
    )
  await make(
    attempt,
    () => batch.createNamespacedJob({ namespace, body: jobOf(job, place) }),
    () => batch.readNamespacedJob(at),
  )
  return name
}

/** Without a propagation policy the API deletes a Job and leaves its pods running. */
async function removeAll({ batch, core }: Api, at: { name: string; namespace: string }): Promise<void> {
  await unlessAbsent(batch.deleteNamespacedJob({ ...at, propagationPolicy: 'Background' }))
  await unlessAbsent(core.deleteNamespacedSecret(at))
  await unlessAbsent(core.deleteNamespacedService(at))
}

/** The client is 60 MB of generated code: it is loaded where a cluster is used. */
async function openApi(kubeconfig: string | undefined, context: string | undefined): Promise<Api> {
  const { BatchV1Api, CoreV1Api, KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromCluster()
  else config.loadFromString(await readFile(kubeconfig, 'utf8'))
  if (context !== undefined) config.setCurrentContext(context)
  return { batch: config.makeApiClient(BatchV1Api), core: config.makeApiClient(CoreV1Api) }
}

/** Every page of a list. */
async function all<T>(
  page: (from: string | undefined) => Promise<{ items: T[]; metadata?: { _continue?: string } }>,
): Promise<T[]> {
  const items: T[] = []
  for (let from: string | undefined; ;) {
    const { items: some, metadata } = await page(from)
    items.push(...some)
    from = metadata?._continue || undefined
    if (from === undefined) return items
  }
}

const statusOf = (error: unknown): number | undefined => (error as { code?: unknown }).code as number | undefined

/** The API's own words are in the body, a Status. */
function wordsOf(error: unknown): string {
  const { body } = error as { body?: unknown }
  if (typeof body !== 'string') return messageOf(error)
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body.slice(0, 500)
  } catch {
    return body.slice(0, 500)
  }
}

/** What the API refuses for good is the job's failure; the rest is worth another try. */
function refusal(error: unknown): TrainyardError {
  const status = statusOf(error)
  const isRefused = typeof status === 'number' && status >= 400 && status < 500 && status !== 408 && status !== 429
  return isRefused
    ? new TrainyardError('task_failed', `Kubernetes does not take the job: ${wordsOf(error)}`, {
        cause: { kind: 'engine' },
      })
    : new TrainyardError('unavailable', `Kubernetes does not answer: ${wordsOf(error)}`)
}

async function unlessAbsent(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (statusOf(error) !== 404) throw refusal(error)
  })
}
