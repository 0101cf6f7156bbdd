import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { KubernetesObjectApi, KubeConfig, type KubernetesObject } from '@kubernetes/client-node'
import { Deployment } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { PodSpec, Secret, Service } from 'kubernetes-models/v1'
import { parse } from 'yaml'
import { digestOf } from '#kernel/digest.ts'
import { text } from 'node:stream/consumers'
import type { ClusterExport } from './cluster-export.ts'
import { call, serverMain, startServer, stopServer } from './server-process.ts'
import { isRunning } from './process-ticks.ts'
import { logFolder } from './routes-file.ts'
import { ServerSettings, settingsFile } from './server-settings.ts'
import { fileHooks, inputs, makeBundle, openBench, sigmoid } from './testing.ts'

const hooks = fileHooks()
const keys = [
  { hash: digestOf('shop'), name: 'shop', reads: [], asks: ['rain'], deployments: ['rain'] },
  { hash: digestOf('ada'), name: 'ada', reads: 'all' as const, asks: 'all' as const },
  { hash: digestOf('other'), name: 'other', reads: [], asks: ['rain'], deployments: ['wind'] },
]
const opening = openBench(hooks, { keys: async () => keys })
const wish = {
  image: 'registry.example.com/rain:3',
  namespace: 'models',
  replicas: { min: 2, max: 6 },
  cores: 1,
  memoryMb: 512,
  online: '',
  logTo: '',
  kserve: false,
}

interface Manifest extends KubernetesObject {
  readonly kind: string
  readonly stringData?: Readonly<Record<string, string>>
  readonly spec?: { readonly predictor?: object; readonly template?: { readonly spec: unknown } }
}

const manifestsOf = ({ files }: ClusterExport): readonly Manifest[] =>
  files.filter(({ path }) => path.startsWith('cluster/')).map(file => parse(file.text) as Manifest)

/** The schemas of Kubernetes' own API description. */
const schemas = { Deployment, HorizontalPodAutoscaler, PodDisruptionBudget, Secret, Service }

async function exported(kserve = false, logTo = ''): Promise<ClusterExport> {
  const bench = await opening
  await bench.deploy(await makeBundle(bench.blobs))
  return bench.serving.exportToCluster('rain', { ...wish, kserve, logTo })
}

test('a cluster is told what its API knows', async () => {
  const manifests = manifestsOf(await exported())

  assert.deepEqual(
    manifests.map(({ kind }) => kind),
    ['Secret', 'Deployment', 'Service', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'],
  )
  for (const manifest of manifests) new schemas[manifest.kind as keyof typeof schemas](manifest as never).validate()
})

test('a pod that is told to end takes requests for as long as they may still be sent to it', async () => {
  const [secret, deployment] = manifestsOf(await exported())
  const { times } = ServerSettings.parse(JSON.parse(secret!.stringData!['settings.json']!))
  const pod = deployment!.spec!.template!.spec as { terminationGracePeriodSeconds: number }

  assert.deepEqual([times!.drainMs, pod.terminationGracePeriodSeconds], [10_000, 45])
})

test('KServe is told the same of its pods', async () => {
  const [, plain] = manifestsOf(await exported())
  const [secret, service, ...more] = manifestsOf(await exported(true))
  const { minReplicas, maxReplicas, scaleMetric, scaleTarget, ...pod } = service!.spec!.predictor as Record<
    string,
    unknown
  >

  assert.deepEqual(
    [secret!.kind, service!.apiVersion, service!.kind, more, minReplicas, maxReplicas, scaleMetric, scaleTarget],
    ['Secret', 'serving.kserve.io/v1beta1', 'InferenceService', [], 2, 6, 'cpu', 70],
  )
  new PodSpec(pod as never).validate()
  const containerOf = (spec: unknown) => (spec as { containers: { name: string; ports: object[] }[] }).containers[0]!
  const { name, ports, ...own } = containerOf(pod)
  const { name: _, ports: __, ...same } = containerOf(plain!.spec!.template!.spec)
  assert.deepEqual([name, ports, own], ['kserve-container', [{ containerPort: 7071, protocol: 'TCP' }], same])
})

/** The folder that a pod's command makes of the image and of what the Secret says. */
async function podFolder(t: TestContext, { files, blobs }: ClusterExport): Promise<string> {
  const { serving } = await opening
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-pod-'))
  t.after(() => rm(folder, { recursive: true }))
  const put = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content, 'latin1')
  }
  for (const { path, text: content } of files) if (path === 'image/routes.json') await put('routes.json', content)
  for (const { path, bundle, digest } of blobs) {
    const chunks = await (await serving.bundleFile('rain', bundle, digest)).toArray()
    await put(path.replace('image/', ''), Buffer.concat(chunks as Buffer[]).toString('latin1'))
  }
  return folder
}

/** The pod's server, as its command starts it, but for the ports. */
async function startPod(t: TestContext, found: ClusterExport) {
  const folder = await podFolder(t, found)
  const told = manifestsOf(found)[0]!.stringData!
  await writeFile(join(folder, 'keys.json'), told['keys.json']!)
  const settings = ServerSettings.parse(JSON.parse(told['settings.json']!))
  const doors = { ...settings.doors, grpcPort: 0 }
  const times = { ...settings.times!, drainMs: 0 }
  const server = await startServer(folder, { ...settings, port: 0, doors, times, main: serverMain })
  t.after(() => stopServer(server))
  const ask = async (token: string) => {
    const answer = await call(
      { host: '127.0.0.1', port: server.port },
      {
        method: 'POST',
        path: '/v2/models/rain/infer',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(inputs([2, 1])),
        timeoutMs: 10_000,
      },
    )
    const { outputs, parameters } = JSON.parse(answer.text) as {
      outputs?: { data: number[] }[]
      parameters?: { prediction_id: string }
    }
    return [answer.status, outputs?.[0]?.data, parameters?.prediction_id] as const
  }
  return { ask, folder, server }
}

test('the image answers as the deployment does, whoever has a token for it', async t => {
  const { ask, folder } = await startPod(t, await exported())
  const right = [200, [Math.fround(sigmoid(1))]]
  const seen = async (token: string) => (await ask(token)).slice(0, 2)
  assert.deepEqual([await seen('shop'), await seen('ada')], [right, right])
  assert.deepEqual(await seen('other'), [401, undefined])
  assert.deepEqual(await readdir(logFolder(folder)).catch(() => []), [], 'what nobody is told is not written')
})

test('what a pod answers is in the prediction log of the platform, also what it answered before it was killed', async t => {
  const { serving, declare } = await opening
  await exported()
  await declare({ log: { oneIn: 1, leaveOut: [], redact: ['rain'] } })
  const found = await exported(false, serving.url())
  const container = (manifestsOf(found)[1]!.spec!.template!.spec as { containers: { env: unknown }[] }).containers[0]!
  assert.deepEqual(container.env, [
    { name: 'TRAINYARD_TELEMETRY_TOKEN', valueFrom: { secretKeyRef: { name: 'rain-log', key: 'token' } } },
  ])
  const { ask, server, folder } = await startPod(t, found)

  const [status, , id] = await ask('shop')
  process.kill(server.pid, 'SIGKILL')
  while (isRunning(server)) await new Promise(resolve => setTimeout(resolve, 5))
  const settings = ServerSettings.parse(JSON.parse(await readFile(settingsFile(folder), 'utf8')))
  const next = await startServer(folder, settings)
  t.after(() => stopServer(next))
  const logged = await until(async () => {
    await serving.collect()
    return serving.prediction(id!).catch(() => undefined)
  })

  const { forced, features, outputs, inclusion } = logged
  assert.equal(status, 200)
  assert.deepEqual([features['wind'], outputs, inclusion], [2, { probability: Math.fround(sigmoid(1)) }, undefined])
  assert.match(String(features['rain']), /^[\w-]{22}$/, 'it is redacted as here')
  assert.equal(forced, true, 'no roll-out here is decided by it')
  await until(async () => ((await readdir(logFolder(folder))).length === 0 ? true : undefined))
})

test('files are had of bundles that the deployment has, and of no others', async () => {
  const { serving } = await opening
  const { blobs } = await exported()
  const manifest = blobs.find(({ path }) => path.endsWith('bundle.json'))!

  assert.match(await text(await serving.bundleFile('rain', manifest.bundle, manifest.digest)), /"project":"rain"/)
  await assert.rejects(serving.bundleFile('wind', manifest.bundle, manifest.digest), { code: 'not_found' })
  await assert.rejects(serving.bundleFile('rain', manifest.bundle, digestOf('else')), { code: 'not_found' })
  await assert.rejects(serving.exportToCluster('wind', wish), { code: 'not_found' })
})

const { KUBECONFIG: kubeconfig, TRAINYARD_TEST_NAMESPACE: namespace = 'default' } = process.env // oxlint-disable-line node/no-process-env -- names a cluster for the test

test('an API server takes it', { skip: kubeconfig ? false : 'KUBECONFIG names no cluster' }, async () => {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig!)
  const api = KubernetesObjectApi.makeApiClient(config)
  const { serving } = await opening
  await exported()
  const found = await serving.exportToCluster('rain', { ...wish, namespace })

  for (const manifest of manifestsOf(found)) await api.create(manifest, undefined, 'All')
})

async function until<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50))) {
    const found = await look()
    if (found !== undefined) return found
  }
  throw new Error('It did not happen in 20 s.')
}
