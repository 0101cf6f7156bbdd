import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { V1Job, V1Pod, V1Secret } from '@kubernetes/client-node'

/**
 * A stand-in for a cluster, where there is none: the few calls of the API that jobs need, answered as a real API server
 * of version 1.34 was seen to answer them. Its pods are processes of this machine. It says nothing about what a real
 * cluster's scheduler, kubelet or admission do: KUBECONFIG runs the same suite on one.
 */
export interface StandIn {
  readonly kubeconfig: string
  readonly namespace: string
  /** Stops answering; what runs goes on. */
  away(): Promise<void>
  back(): Promise<void>
  /** As the eviction API does: the pod is asked to end, and is gone with its exit code and its log. */
  evict(job: string): Promise<void>
  /** Pods that run now. */
  running(): readonly string[]
  stop(): Promise<void>
}

interface Thing {
  metadata?: { name?: string; uid?: string; labels?: Record<string, string>; creationTimestamp?: Date }
}

interface RunningPod {
  readonly pod: V1Pod
  readonly job: V1Job
  process?: ChildProcess
  log: string
}

/** Of the one node. */
const memoryBytes = 4_000 * 2 ** 20
const token = 'stand-in'

export async function openStandIn(): Promise<StandIn> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-k8s-'))
  const kinds = {
    jobs: new Map<string, V1Job>(),
    secrets: new Map<string, V1Secret>(),
    services: new Map<string, Thing>(),
  }
  const pods = new Map<string, RunningPod>()

  function startPods(job: V1Job): void {
    for (let index = 0; index < (job.spec!.completions ?? 1); index++) {
      const name = `${job.metadata!.name}-${index}-${randomUUID().slice(0, 5)}`
      const pod: V1Pod = {
        metadata: { name, uid: randomUUID(), labels: job.spec!.template.metadata!.labels! },
        spec: job.spec!.template.spec!,
        status: { phase: 'Pending' },
      }
      const running: RunningPod = { pod, job, log: '' }
      pods.set(name, running)
      const wanted = Number(pod.spec!.containers[0]!.resources?.requests?.['memory'] ?? 0)
      if (wanted > memoryBytes)
        pod.status!.conditions = [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient memory' },
        ]
      else void startContainer(running, index)
    }
  }

  async function startContainer(running: RunningPod, index: number): Promise<void> {
    const { pod } = running
    const work = await mkdtemp(join(folder, 'work-'))
    const [container] = pod.spec!.containers
    const secret = kinds.secrets.get(container!.envFrom![0]!.secretRef!.name!)!
    const here = (value: string): string =>
      value === '/work' ? work : value.startsWith('trainyard-') ? '127.0.0.1' : value
    const own = container!.env!.map(({ name, value }) => [name, value === undefined ? String(index) : here(value)])
    const env = { PATH: process.env['PATH'], ...secret.stringData, ...Object.fromEntries(own) }
    const [file, ...args] = container!.command!
    const child = spawn(file!, args, { cwd: work, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running.process = child
    pod.status = { phase: 'Running', containerStatuses: [statusOf({ running: {} })] }
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (running.log += chunk.toString()))
    child.on('error', error => (running.log += `${error.message}\n`))
    child.on('close', (code, signal) => ended(running, code ?? (signal === 'SIGKILL' ? 137 : 143)))
  }

  function ended({ pod, job }: RunningPod, exitCode: number): void {
    const reason = exitCode === 0 ? 'Completed' : 'Error'
    Object.assign(pod.status!, {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: [statusOf({ terminated: { exitCode, reason } })],
    })
    const siblings = [...pods.values()].filter(other => other.job === job)
    const isEvicted = pod.status!.conditions?.some(one => one.type === 'DisruptionTarget')
    if (exitCode !== 0) {
      const name = `default/${pod.metadata!.name}`
      const message = isEvicted
        ? `Pod ${name} has condition DisruptionTarget matching FailJob rule at index 0`
        : `Container task for pod ${name} failed with exit code ${exitCode} matching FailJob rule at index 1`
      conclude(job, ['FailureTarget', 'Failed'], { reason: 'PodFailurePolicy', message })
      for (const other of siblings) void terminate(other)
    } else if (siblings.every(other => other.pod.status!.phase === 'Succeeded'))
      conclude(job, ['SuccessCriteriaMet', 'Complete'], { reason: 'CompletionsReached' })
    if (isEvicted) pods.delete(pod.metadata!.name!)
  }

  async function terminate({ process: child, pod }: RunningPod): Promise<void> {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const kill = setTimeout(() => kill9(child.pid!), (pod.spec!.terminationGracePeriodSeconds ?? 30) * 1_000)
    await new Promise(resolve => child.once('close', resolve))
    clearTimeout(kill)
    // A container's processes end with its first.
    kill9(child.pid)
  }

  const ofJob = (name: string): RunningPod[] => [...pods.values()].filter(({ job }) => job.metadata!.name === name)

  /** Without a policy the pods are orphaned, and run on. */
  async function removeJob(name: string, policy: string | null): Promise<void> {
    kinds.jobs.delete(name)
    if (policy !== 'Background' && policy !== 'Foreground') return
    for (const one of ofJob(name)) {
      await terminate(one)
      pods.delete(one.pod.metadata!.name!)
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://stand-in')
    const [, kind = '', name, sub] = /\/namespaces\/default\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(pathname) ?? []
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    }
    const fail = (code: number, reason: string): void =>
      send(code, {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason,
        message: `${kind} ${name ?? ''}: ${reason}`,
        code,
      })
    if (request.headers.authorization !== `Bearer ${token}`) return fail(401, 'Unauthorized')
    if (kind === 'pods') {
      if (sub === 'log') return send(200, pods.get(name!)?.log ?? '')
      return send(
        200,
        list(
          'PodList',
          [...pods.values()].map(({ pod }) => pod),
          searchParams,
        ),
      )
    }
    const things: Map<string, Thing> | undefined = kinds[kind as keyof typeof kinds]
    if (!things) return fail(404, 'NotFound')
    if (request.method === 'POST') {
      const body = JSON.parse(await text(request)) as Thing
      const key = body.metadata!.name!
      if (things.has(key)) return fail(409, 'AlreadyExists')
      Object.assign(body.metadata!, { uid: randomUUID(), creationTimestamp: new Date() })
      things.set(key, body)
      if (kind === 'jobs') startPods(body as V1Job)
      return send(201, body)
    }
    if (name === undefined) return send(200, list('List', [...things.values()], searchParams))
    if (!things.has(name)) return fail(404, 'NotFound')
    if (request.method === 'GET') return send(200, things.get(name))
    things.delete(name)
    if (kind === 'jobs') void removeJob(name, searchParams.get('propagationPolicy'))
    return send(200, { kind: 'Status', status: 'Success' })
  }

  const server = createServer((request, response) => void answer(request, response))
  const listen = (port: number): Promise<void> => new Promise(resolve => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as { port: number }
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, JSON.stringify(configOf(`http://127.0.0.1:${port}`)))
  const away = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    kubeconfig,
    namespace: 'default',
    away,
    back: () => listen(port),
    async evict(job) {
      for (const one of ofJob(job)) {
        one.pod.status!.conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }]
        await terminate(one)
      }
    },
    running: () =>
      [...pods.values()].flatMap(({ pod }) => (pod.status!.phase === 'Running' ? [pod.metadata!.name!] : [])),
    async stop() {
      if (server.listening) await away()
      for (const one of pods.values()) await terminate(one)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const statusOf = (state: object) => ({ name: 'task', state, ready: false, restartCount: 0, image: '', imageID: '' })

function conclude(job: V1Job, types: readonly string[], why: { reason: string; message?: string }): void {
  if (job.status?.conditions) return
  job.status = { conditions: types.map(type => ({ type, status: 'True', ...why })) }
}

function list(kind: string, items: readonly Thing[], query: URLSearchParams): object {
  const [label = '', value] = (query.get('labelSelector') ?? '').split('=')
  const chosen = items.filter(item => label === '' || item.metadata?.labels?.[label] === value)
  return { kind, apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: chosen }
}

const configOf = (server: string): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'u', user: { token } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
})

function kill9(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
