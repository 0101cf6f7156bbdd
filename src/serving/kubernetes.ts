import type {
  V1ContainerPort,
  V1Deployment,
  V1PodDisruptionBudget,
  V1PodSpec,
  V1Secret,
  V1Service,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'
import { containerSecurity, podSecurity } from '#compute'
import type { KeysFile } from './keys-file.ts'
import { ownTelling, type ServerSettings } from './server-settings.ts'
import type { RoutesFile } from './routes-file.ts'
import type { z } from 'zod'

/** What a cluster is told to run a deployment's model server, one process in each pod. Pure: values in, objects out. */

export interface ClusterOrder {
  readonly deployment: string
  readonly namespace: string
  /** What the cluster pulls. */
  readonly image: string
  readonly replicas: { readonly min: number; readonly max: number }
  /** Of the node, in whole cores. */
  readonly cores: number
  readonly memoryMb: number
  /** Where features are looked up; empty: nowhere. */
  readonly online: string
  /** Where pods tell the platform of their predictions; empty: nowhere. */
  readonly logTo: string
  readonly drainMs: number
  readonly version: string
  readonly workerMemoryBytes: number
  readonly keys: z.input<typeof KeysFile>
}

export type Manifest = { readonly apiVersion: string; readonly kind: string } & Readonly<Record<string, unknown>>

const httpPort = 7071
const grpcPort = 7072
/** In the image: the model server's folder as it begins, and the program. */
export const imageFolder = '/model'
export const imageProgram = '/app/node_modules/trainyard/serving/server/main.js'
/** In the pod: the folder that the server writes to, and what it is told that is not for everybody. */
const serverFolder = '/serving'
const toldFolder = '/told'
/** Of the distribution's `node` image: no process of a pod is root. */
const user = 1_000

/** A Deployment behind a Service, as many pods as the load takes. */
export const clusterManifests = (order: ClusterOrder): readonly Manifest[] => [
  secret(order),
  deployment(order),
  service(order),
  autoscaler(order),
  disruptionBudget(order),
]

/** The same for KServe, which makes the rest by itself. */
export const kserveManifests = (order: ClusterOrder): readonly Manifest[] => [
  secret(order),
  {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: metadata(order),
    spec: {
      predictor: {
        minReplicas: order.replicas.min,
        maxReplicas: order.replicas.max,
        scaleMetric: 'cpu',
        scaleTarget: cpuTarget,
        ...pod(order, 'kserve-container', [{ containerPort: httpPort, protocol: 'TCP' }]),
      },
    },
  },
]

/** Percent of the cores that a pod asks for, above which there is to be another pod. */
const cpuTarget = 70

const labels = ({ deployment: name }: ClusterOrder) => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/component': 'model-server',
  'app.kubernetes.io/managed-by': 'trainyard',
})
const selector = ({ deployment: name }: ClusterOrder) => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/component': 'model-server',
})
const metadata = (order: ClusterOrder, name = order.deployment) => ({
  name,
  namespace: order.namespace,
  labels: labels(order),
})
const secretName = ({ deployment: name }: ClusterOrder): string => `${name}-told`

function secret(order: ClusterOrder): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(order, secretName(order)),
    type: 'Opaque',
    stringData: { 'settings.json': JSON.stringify(settings(order)), 'keys.json': JSON.stringify(order.keys) },
  } satisfies V1Secret
}

/** What of the log may wait in a pod while the platform is away: at 300 bytes a prediction, a day of forty a second. */
const logBytesMax = 1024 ** 3

const settings = ({
  deployment: name,
  online,
  logTo,
  drainMs,
  version,
  workerMemoryBytes,
}: ClusterOrder): ServerSettings => ({
  host: '0.0.0.0',
  port: httpPort,
  online,
  version,
  main: imageProgram,
  processes: 1,
  // Nobody collects segments from a pod: they are sent, or not written.
  isLogged: logTo !== '',
  ...(logTo !== '' && { forwarding: { url: logTo, bytesMax: logBytesMax } }),
  doors: { deployment: name, predict: '', health: '', isOpen: false, grpcPort },
  times: { deadlineMs: 30_000, drainMs },
  telling: { ...ownTelling, accessLog: 'stdout' },
  workers: { isolation: 'none', hidden: [], memoryBytes: workerMemoryBytes },
})

function deployment(order: ClusterOrder): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(order),
    spec: {
      selector: { matchLabels: selector(order) },
      // A pod goes when the next one is ready.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: labels(order) },
        spec: pod(order, 'model-server', [
          { name: 'http', containerPort: httpPort },
          { name: 'grpc', containerPort: grpcPort },
        ]),
      },
    },
  } satisfies V1Deployment
}

const probe = (path: string) => ({ httpGet: { path, port: httpPort }, periodSeconds: 5, timeoutSeconds: 2 })

/** How long a server answers what it has begun, at most, in seconds. */
const drainSMax = 30

function pod(order: ClusterOrder, name: string, ports: V1ContainerPort[]) {
  const { image, cores, memoryMb, drainMs } = order
  const start = `cp -R ${imageFolder}/. ${serverFolder}/ && cp ${toldFolder}/*.json ${serverFolder}/ && exec node --disable-warning=MODULE_TYPELESS_PACKAGE_JSON ${imageProgram} ${serverFolder}`
  return {
    terminationGracePeriodSeconds: Math.ceil(drainMs / 1_000) + drainSMax + 5,
    automountServiceAccountToken: false,
    securityContext: podSecurity(user),
    containers: [
      {
        name,
        image,
        command: ['/bin/sh', '-c', start],
        ports,
        ...(order.logTo !== '' && { env: [logToken(order)] }),
        // Models are loaded before it is ready; those in Python take their time.
        startupProbe: { ...probe('/v2/health/ready'), periodSeconds: 2, failureThreshold: 90 },
        readinessProbe: { ...probe('/v2/health/ready'), failureThreshold: 1 },
        livenessProbe: { ...probe('/v2/health/live'), failureThreshold: 6 },
        resources: {
          requests: { cpu: String(cores), memory: `${memoryMb}Mi` },
          limits: { memory: `${memoryMb}Mi` },
        },
        securityContext: { ...containerSecurity(), readOnlyRootFilesystem: true },
        volumeMounts: [
          { name: 'serving', mountPath: serverFolder },
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'told', mountPath: toldFolder, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'serving', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
      { name: 'told', secret: { secretName: secretName(order), defaultMode: 0o440 } },
    ],
  } satisfies V1PodSpec
}

/** The Secret with the token that pods tell the platform by: whoever owns the token makes it. */
export const logSecretName = ({ deployment: name }: Pick<ClusterOrder, 'deployment'>): string => `${name}-log`
const logToken = (order: ClusterOrder) => ({
  name: 'TRAINYARD_TELEMETRY_TOKEN',
  valueFrom: { secretKeyRef: { name: logSecretName(order), key: 'token' } },
})

function service(order: ClusterOrder): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(order),
    spec: {
      selector: selector(order),
      ports: [
        { name: 'http', port: 80, targetPort: 'http', appProtocol: 'http' },
        { name: 'grpc', port: grpcPort, targetPort: 'grpc', appProtocol: 'kubernetes.io/h2c' },
      ],
    },
  } satisfies V1Service
}

function autoscaler(order: ClusterOrder): Manifest {
  const { deployment: name, replicas } = order
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadata(order),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: replicas.min,
      maxReplicas: replicas.max,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuTarget } },
        },
      ],
    },
  } satisfies V2HorizontalPodAutoscaler
}

const disruptionBudget = (order: ClusterOrder): Manifest =>
  ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(order),
    spec: { selector: { matchLabels: selector(order) }, maxUnavailable: 1 },
  }) satisfies V1PodDisruptionBudget

/** A bundle of the image. */
export interface ImageBundle {
  readonly digest: string
  /** Path of the lock file of its Python packages, where it runs in Python. */
  readonly lock?: string | undefined
  readonly isPython: boolean
}

/** How the image is built: `routes.json` and `bundles/` are beside this text. */
export function containerfile({ version, bundles }: { version: string; bundles: readonly ImageBundle[] }): string {
  const pythons = bundles.filter(({ isPython }) => isPython)
  return [
    'FROM docker.io/library/node:26-slim',
    '# What npm installs: a version, an address, or a file of this folder as ./trainyard.tgz.',
    `ARG TRAINYARD=trainyard@${version}`,
    ...(pythons.length > 0
      ? [
          'RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*',
        ]
      : []),
    'WORKDIR /app',
    'COPY . /build/',
    'RUN cd /build && npm install --prefix /app --omit=dev --onnxruntime-node-install=skip "$TRAINYARD" && rm -rf /build',
    `COPY routes.json ${imageFolder}/`,
    `COPY bundles ${imageFolder}/bundles`,
    ...pythons.flatMap(pythonSteps),
    `USER ${user}`,
    `EXPOSE ${httpPort} ${grpcPort}`,
    `CMD ["node", "${imageProgram}", "${serverFolder}"]`,
    '',
  ].join('\n')
}

function pythonSteps({ digest, lock }: ImageBundle): readonly string[] {
  const environment = `/opt/python/${digest}`
  const bundle = `${imageFolder}/bundles/${digest}`
  return [
    `RUN python3 -m venv ${environment}${lock === undefined ? '' : ` && ${environment}/bin/pip install --no-cache-dir --require-hashes -r ${bundle}/${lock}`} && ln -s ${environment}/bin/python ${bundle}/.python`,
  ]
}

/** The routes of one deployment alone, as they are now. */
export function routesOfOne(routes: RoutesFile, deployment: string): RoutesFile {
  const deployments = routes.deployments.filter(({ name }) => name === deployment)
  return {
    ...routes,
    deployments: deployments.map(route => ({
      ...route,
      // Where predictions are told, the platform redacts them: another key would make other hashes.
      log: { ...route.log, redact: [] },
      revisions: answering(route),
    })),
    preload: [],
  }
}

/** Shadows and what has no requests stay behind. */
const answering = ({ revisions }: RoutesFile['deployments'][number]) =>
  revisions.filter(({ weight }) => weight > 0).map(revision => ({ ...revision, shadow: 0 }))
