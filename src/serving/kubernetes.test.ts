import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
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
import { ServerSettings } from './server-settings.ts'
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

async function exported(kserve = false): Promise<ClusterExport> {
  const bench = await opening
  await bench.deploy(await makeBundle(bench.blobs))
  return bench.serving.exportToCluster('rain', { ...wish, kserve })
}

test('a cluster is told what its API knows', async () => {
  const manifests = manifestsOf(await exported())

  assert.deepEqual(
    manifests.map(({ kind }) => kind),
    ['Secret', 'Deployment', 'Service', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'],
  )
  for (const manifest of manifests) new schemas[manifest.kind as keyof typeof schemas](manifest as never).validate()
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

test('the image answers as the deployment does, whoever has a token for it', async t => {
  const found = await exported()
  const folder = await podFolder(t, found)
  const told = manifestsOf(found)[0]!.stringData!
  await writeFile(join(folder, 'keys.json'), told['keys.json']!)
  const settings = ServerSettings.parse(JSON.parse(told['settings.json']!))
  const doors = { ...settings.doors, grpcPort: 0 }
  const server = await startServer(folder, { ...settings, port: 0, doors, main: serverMain })
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
    const { outputs } = JSON.parse(answer.text) as { outputs?: { data: number[] }[] }
    return [answer.status, outputs?.[0]?.data]
  }

  const right = [200, [Math.fround(sigmoid(1))]]
  assert.deepEqual([await ask('shop'), await ask('ada')], [right, right])
  assert.deepEqual(await ask('other'), [401, undefined])
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
