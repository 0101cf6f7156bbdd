import type { V1Job, V1PodSpec, V1Secret, V1Service } from '@kubernetes/client-node'
import type { Job } from './engine.ts'
import { containerSecurity, podSecurity } from './pod-security.ts'

/** What an attempt is in a cluster: a Job, a Secret with its environment, and for several nodes a Service to meet by. */

/** Where jobs go, and what all of them have in common. */
export interface KubernetesPlace {
  readonly namespace: string
  /** For tasks that name none: an image by digest. */
  readonly image?: string | undefined
  readonly serviceAccount?: string | undefined
  /** A LocalQueue of Kueue, which then decides when a job starts. */
  readonly queue?: string | undefined
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined
  /** What GPUs are called; `nvidia.com/gpu` when left out. */
  readonly gpuResource?: string | undefined
  /** The user that containers run as; 1000 when left out. */
  readonly runAsUser?: number | undefined
}

export const managedBy = 'app.kubernetes.io/managed-by'
export const attemptLabel = 'trainyard.dev/attempt'
export const containerName = 'task'
const masterPort = 29_500
/** Whatever the platform has not taken off the books itself goes by itself. */
const keptSeconds = 6 * 3_600

/** The name of the Job, the Secret and the Service: the attempt's id in the letters that names may have [RFC 1123]. */
export const nameOf = (attempt: string): string => `trainyard-${attempt.replaceAll('_', '-')}`

const metadataOf = ({ attempt, of }: Job, place: KubernetesPlace): object => ({
  name: nameOf(attempt),
  namespace: place.namespace,
  labels: labelsOf(attempt),
  annotations: { 'trainyard.dev/project': of.project, 'trainyard.dev/run': of.run, 'trainyard.dev/task': of.task },
})

const labelsOf = (attempt: string): Record<string, string> => ({ [managedBy]: 'trainyard', [attemptLabel]: attempt })

/** Its token is nothing for those who may only read pods. */
export const secretOf = (job: Job, place: KubernetesPlace): V1Secret => ({
  metadata: metadataOf(job, place),
  stringData: { ...job.env },
})

/** By which the pods of one job find their first, whether it is ready or not. */
export const serviceOf = (job: Job, place: KubernetesPlace): V1Service => ({
  metadata: metadataOf(job, place),
  spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: { [attemptLabel]: job.attempt } },
})

/** An attempt is tried once: another try is another attempt, and the platform's to decide. */
export const jobOf = (job: Job, place: KubernetesPlace): V1Job => {
  const labels = {
    ...labelsOf(job.attempt),
    ...(place.queue !== undefined && { 'kueue.x-k8s.io/queue-name': place.queue }),
  }
  return {
    metadata: { ...metadataOf(job, place), labels },
    spec: {
      backoffLimit: 0,
      ...(job.nodes > 1 && { completionMode: 'Indexed', completions: job.nodes, parallelism: job.nodes }),
      podReplacementPolicy: 'Failed',
      // Its message tells what happened also when the pod is gone: that of an eviction first.
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { containerName, operator: 'NotIn', values: [0] } },
        ],
      },
      ttlSecondsAfterFinished: keptSeconds,
      template: { metadata: { labels: labelsOf(job.attempt) }, spec: podOf(job, place) },
    },
  }
}

function podOf(job: Job, place: KubernetesPlace): V1PodSpec {
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    ...(place.serviceAccount !== undefined && { serviceAccountName: place.serviceAccount }),
    ...(place.nodeSelector && { nodeSelector: { ...place.nodeSelector } }),
    terminationGracePeriodSeconds: Math.ceil(job.graceMs / 1_000),
    // Of the pod, not of the job: the time that it waits for a node does not count.
    activeDeadlineSeconds: Math.ceil(job.limitMs / 1_000),
    ...(job.nodes > 1 && { subdomain: nameOf(job.attempt) }),
    securityContext: podSecurity(place.runAsUser ?? 1_000),
    containers: [
      {
        name: containerName,
        image: job.image ?? place.image!,
        imagePullPolicy: 'IfNotPresent',
        command: [...job.command],
        workingDir: '/work',
        envFrom: [{ secretRef: { name: nameOf(job.attempt) } }],
        env: [{ name: 'HOME', value: '/work' }, { name: 'TMPDIR', value: '/work' }, ...meetingPoint(job)],
        resources: resourcesOf(job, place),
        securityContext: containerSecurity(),
        volumeMounts: [
          { name: 'work', mountPath: '/work' },
          { name: 'shm', mountPath: '/dev/shm' },
        ],
      },
    ],
    volumes: [
      { name: 'work', emptyDir: {} },
      // Data loaders of PyTorch share more than a container's 64 MiB.
      { name: 'shm', emptyDir: { medium: 'Memory' } },
    ],
  }
}

function meetingPoint({ attempt, nodes }: Job): { name: string; value?: string; valueFrom?: object }[] {
  if (nodes === 1) return []
  const fieldPath = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
  return [
    { name: 'RANK', valueFrom: { fieldRef: { fieldPath } } },
    { name: 'WORLD_SIZE', value: String(nodes) },
    { name: 'MASTER_ADDR', value: `${nameOf(attempt)}-0.${nameOf(attempt)}` },
    { name: 'MASTER_PORT', value: String(masterPort) },
  ]
}

/** Memory is what it asks for and no more, as what is over may be taken at any time; a CPU may be lent. */
function resourcesOf({ resources }: Job, place: KubernetesPlace): object {
  const memory = resources.memoryBytes === undefined ? {} : { memory: String(resources.memoryBytes) }
  const gpu = resources.gpu === undefined ? {} : { [place.gpuResource ?? 'nvidia.com/gpu']: String(resources.gpu) }
  const cpu = resources.cpu === undefined ? {} : { cpu: String(resources.cpu) }
  return { requests: { ...cpu, ...memory }, limits: { ...memory, ...gpu } }
}
