import { z } from 'zod'
import { invalid, type Problem } from './error.ts'
import { expectation } from './expectation.ts'
import { durationMs, durationPattern } from './duration.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const route = z.union([z.literal(''), z.string().regex(/^\/[^?#\s]+$/, 'a path such as /predict')])
const isHourOrMore = (text: string): boolean => durationPattern.test(text) && durationMs(text) >= 3_600_000
const isSecondOrMore = (text: string): boolean => durationPattern.test(text) && durationMs(text) >= 1_000
const isAtMost =
  (ms: number) =>
  (text: string): boolean =>
    durationPattern.test(text) && durationMs(text) <= ms
const duration = z.string().regex(durationPattern, 'a duration such as 90s, 10m, 1.5h or 30d')

/** Structured settings are JSON in flags and in the environment, and plain in the file. */
function fromJson(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : value
  } catch {
    return value
  }
}

const seatsByName = z.record(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/), z.int().min(1).max(10_000))

interface Setting {
  readonly type: z.ZodType
  readonly help: string
  /** A variable of the environment that others set for the same thing; the own one wins. */
  readonly also?: string
}

/** One row per setting: its type, its default, its sentence and another name in the environment. Flags, environment and docs/config.md all come from here. */
export const settings = {
  data: {
    type: z.string().default('.trainyard'),
    help: 'Folder of everything the platform writes by itself: state, blobs, environments, logs.',
  },
  host: {
    type: z.string().default('127.0.0.1'),
    help: 'Address to listen on. Anything but a loopback address makes tokens mandatory.',
  },
  port: { type: port.default(7070), help: 'Port of the API and the pages; 0 takes a free one.' },
  servingPort: {
    type: port.default(7071),
    help: 'Port of the model server; 0 takes a free one and keeps it. Also `AIP_HTTP_PORT`, as Vertex AI says it.',
    also: 'AIP_HTTP_PORT',
  },
  servingGrpcPort: {
    type: z.union([z.literal(''), port]).default(''),
    help: 'Port at which the model server answers gRPC; 0 takes a free one and keeps it. Empty: it does not.',
  },
  servingDeployment: {
    type: z.string().default(''),
    help: 'Deployment that is asked where the address names none, as at `/invocations`. Empty: the one that the header `x-trainyard-deployment` names, or the only one.',
  },
  servingPredictRoute: {
    type: route.default(''),
    help: 'Path at the model server where Vertex AI asks for predictions. Also `AIP_PREDICT_ROUTE`. Empty: none.',
    also: 'AIP_PREDICT_ROUTE',
  },
  servingHealthRoute: {
    type: route.default(''),
    help: 'Path at the model server where Vertex AI asks for its health. Also `AIP_HEALTH_ROUTE`. Empty: none.',
    also: 'AIP_HEALTH_ROUTE',
  },
  servingPrefix: {
    type: route.refine(path => !path.endsWith('/'), 'a path that does not end with a slash, such as /base').default(''),
    help: 'Path before all paths of the model server, as in `host:port/base`, for clients and proxies that have one. Without it they are there too. Empty: none.',
  },
  servingTokens: {
    type: z.enum(['required', 'none']).default('required'),
    help: 'Whether the model server asks for tokens beyond loopback: `none` is for one that only a gateway reaches which asks who comes, as in SageMaker and Vertex AI.',
  },
  servingDeadline: {
    type: duration.default('30s'),
    help: 'How long a request to the model server may take before it is dropped, unless the deployment or the client says less.',
  },
  servingDrain: {
    type: duration.refine(isAtMost(300_000), 'a duration of 5m or less, such as 10s').default('0s'),
    help: 'How long a model server that is told to end still takes connections while it says that it is not ready, so that whoever divides requests between servers can look elsewhere.',
  },
  servingAccessLog: {
    type: z.enum(['none', 'file', 'stdout']).default('none'),
    help: 'Where the model server writes a line of JSON for each request: `file` is `serving/access/` in the data folder, the last 64 MiB and as much before them.',
  },
  servingTraceShare: {
    type: z.coerce.number().min(0).max(1).default(0.01),
    help: 'Share of the requests to the model server that are traced; a client whose `traceparent` says so decides for its own.',
  },
  otlpUrl: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'OpenTelemetry collector that the model server sends traces to, without `/v1/traces`. Also `OTEL_EXPORTER_OTLP_ENDPOINT`; the other variables of that name, such as `…_HEADERS`, hold too. Empty: none.',
    also: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  },
  database: {
    type: z.string().default(''),
    help: 'State: `sqlite:<file>` or `postgres://…`. Empty: `sqlite:` in the data folder.',
  },
  databaseConnections: {
    type: z.coerce.number().int().min(1).max(1_000).default(10),
    help: 'Connections to PostgreSQL at most, for state; one more hears of the work of other servers.',
  },
  blobs: { type: z.string().default(''), help: 'Artifacts: `file:<folder>`. Empty: a folder in the data folder.' },
  logs: {
    type: z.string().default(''),
    help: 'Folder of the logs of tasks; servers on one database share it. Empty: `logs` in the data folder.',
  },
  online: {
    type: z.string().default(''),
    help: 'Online features: `sqlite:<file>` or `postgres://…`. Empty: `sqlite:` in the data folder.',
  },
  parallelTasks: {
    type: z.coerce.number().int().min(0).max(256).default(2),
    help: 'Tasks that may run at the same time on this machine, beside those of its queues; 0 is for a server of queues alone.',
  },
  taskQueues: {
    type: z.preprocess(fromJson, seatsByName.default({})),
    help: 'Queues whose tasks this server takes ([pipelines.md](pipelines.md#which-server)), each with how many at the same time, as JSON: `{"gpu": 2}`.',
  },
  parallelRemoteTasks: {
    type: z.coerce.number().int().min(1).max(1_000).default(100),
    help: 'Tasks at the same time that this server has on other machines.',
  },
  executors: {
    type: z.preprocess(fromJson, z.record(z.string(), z.unknown()).default({})),
    help: 'Where tasks can run beside this machine: names, each with a Ray, Slurm or Kubernetes ([executors.md](executors.md)), as JSON.',
  },
  pools: {
    type: z.preprocess(fromJson, seatsByName.default({})),
    help: 'Slots that tasks of all projects share ([pipelines.md](pipelines.md#room)): names and numbers, as JSON.',
  },
  machineCpus: {
    type: z.coerce.number().min(0).default(0),
    help: 'Processors of this machine for tasks that say how many they need; 0 is all of them.',
  },
  machineMemoryMb: {
    type: z.coerce.number().int().min(0).default(0),
    help: 'Memory in MiB of this machine for tasks that say how much they need; 0 is all of it.',
  },
  machineGpus: {
    type: z.coerce.number().int().min(-1).default(-1),
    help: 'GPUs of this machine for tasks that say how many they need; -1 is those that NVIDIA’s driver shows.',
  },
  gpuDevices: {
    type: z
      .string()
      .regex(/^(?:[^\s,]+(?:,[^\s,]+)*)?$/, 'names with commas between them')
      .refine(text => new Set(text.split(',')).size === text.split(',').length, 'names that are each another')
      .default(''),
    help: 'Which GPUs these are, as `CUDA_VISIBLE_DEVICES` has them, with commas: `0,2` or UUIDs. Empty: 0, 1, … as many as `machineGpus` says.',
  },
  executor: { type: z.string().default('local'), help: 'Where tasks run that name no executor.' },
  nodeUrl: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'Where other machines that run tasks reach this server. Empty: at the address that it listens on.',
  },
  nodeSilence: {
    type: duration.default('30s'),
    help: 'How long a machine that runs a task may be silent, while the server listens, before the task is begun anew elsewhere.',
  },
  nodePatience: {
    type: duration.default('30m'),
    help: 'How long a task on another machine goes on while the server is not heard of.',
  },
  taskTimeout: { type: duration.default('1h'), help: 'Wall-clock limit of a task that declares none.' },
  taskGrace: {
    type: duration.default('30s'),
    help: 'How long a task that is cancelled, or over its limit, may take to end by itself before it is killed.',
  },
  isolation: {
    type: z.enum(['', 'none', 'bubblewrap', 'auto']).default(''),
    help: 'What keeps tasks from the machine beyond process group and environment: `none`, `bubblewrap`, or `auto`: bubblewrap where it works. Empty: `auto` where the server listens beyond loopback, else `none`.',
  },
  taskMemoryMb: {
    type: z.coerce.number().int().min(0).default(0),
    help: 'Memory in MiB that all processes of a task together may hold before it is killed; 0 is no limit.',
  },
  taskFileMb: {
    type: z.coerce.number().int().min(0).default(0),
    help: 'Size in MiB that a file which a task writes may have; 0 is no limit.',
  },
  taskDiskMb: {
    type: z.coerce.number().int().min(0).default(0),
    help: 'What the working folder of a task may grow by, in MiB, before it is killed; 0 is no limit.',
  },
  taskProcesses: {
    type: z.coerce.number().int().min(0).default(0),
    help: 'Processes and threads that a task may have at once; 0 is no limit.',
  },
  taskCpus: {
    type: z.coerce.number().min(0).default(0),
    help: 'Cores that a task may use; 0 is no limit.',
  },
  taskCgroup: {
    type: z.union([z.literal(''), z.string().startsWith('/')]).default(''),
    help: 'Folder of a cgroup, such as `/sys/fs/cgroup/trainyard`, in which the kernel keeps memory, processes and cores of each task ([operate.md](operate.md)). Empty: they are looked after four times a second.',
  },
  tasksAtStop: {
    type: z.enum(['leave', 'end']).default('leave'),
    help: 'What becomes of running tasks of users’ code when the server is stopped: `leave` lets them go on, and the next start follows them; `end` ends them, and they are begun again.',
  },
  servingAtStop: {
    type: z.enum(['leave', 'end']).default('leave'),
    help: 'What becomes of the model server when the server is stopped: `leave` lets it go on answering, and the next start takes it over; `end` ends it too, as `trainyard dev` does unless this says otherwise.',
  },
  servingProcesses: {
    type: z.coerce.number().int().min(0).max(256).default(0),
    help: 'How many processes of the model server answer on its ports, each with its own copy of the models. 0: one for each core that this process may use, at most 8, and no more than a quarter of the memory holds at 128 MiB each.',
  },
  servingIsolation: {
    type: z.enum(['none', 'bubblewrap', 'auto']).default('auto'),
    help: 'What keeps the Python workers of models from the machine, the platform’s folders and the network beyond their clean environment: `bubblewrap`, or `auto` where it works.',
  },
  servingWorkerMemoryMb: {
    type: z.coerce.number().int().min(0).default(4_096),
    help: 'Memory in MiB that the process of a model may hold, in Python or of costly ONNX; what it asks for beyond that fails. 0 is no limit.',
  },
  servingMemoryMb: {
    type: z.coerce.number().int().min(0).default(0),
    help: 'Memory in MiB that the models of a model server may take together, their workers included. Beyond it those that nobody has asked for longest leave, and come back when they are asked. 0 is no limit.',
  },
  servingIdle: {
    type: duration.default('0s'),
    help: 'How long a model stays in memory that nobody asks; the next request waits until it is back. 0s: for ever.',
  },
  servingConversion: {
    type: z.enum(['registration', 'deployment', 'off']).default('registration'),
    help: 'When a version of scikit-learn, XGBoost or LightGBM is also written as ONNX, compared, and served so where it gives the same answers sooner: when it is registered, when it is first deployed, or never.',
  },
  bodyTimeout: {
    type: duration.refine(isSecondOrMore, 'a duration of a second or more, such as 60s').default('60s'),
    help: 'How long a sender may be silent in the midst of a request: within it must come 1 KiB, or the rest.',
  },
  workRetention: {
    type: duration.default('7d'),
    help: 'How long the working folder of a finished task is kept, and the checkpoint of one that has not succeeded.',
  },
  environmentRetention: {
    type: duration.default('30d'),
    help: 'How long an environment of packages is kept that no task uses.',
  },
  predictionRetention: { type: duration.default('365d'), help: 'How long logged predictions are kept.' },
  trashRetention: {
    type: z.union([z.literal(''), duration]).default(''),
    help: 'How long deleted experiments, tracking runs and logged models can be restored, before they go for good with their files. Empty: until `trainyard purge`.',
  },
  blobGrace: {
    type: duration.refine(isHourOrMore, 'a duration of an hour or more, such as 24h').default('24h'),
    help: 'How long bytes of deleted files are kept: once before they go to the trash, and once there.',
  },
  signingKey: {
    type: z.string().default(''),
    help: 'Private key in PEM (P-256, P-384 or P-521) that models are signed with. Empty: one is made in the data folder.',
  },
  masterKey: {
    type: z.string().default(''),
    help: 'Master key that secrets are sealed under: 32 bytes in base64, or `file:<path>` of a file of mode 600 with them. Of several, divided by commas, the first seals and all open. Empty: one is made in the data folder.',
  },
  webhookTargets: {
    type: z.enum(['public', 'any']).default('public'),
    help: 'Where webhooks may post: `public` is https to public addresses, `any` also http and addresses of private networks.',
  },
  publicUrl: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'Address under which people see the pages, for links in messages and for git. Empty: where this server listens.',
  },
  servingUrl: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'Address under which clients reach the model server, such as that of a proxy with TLS. Empty: where it listens; if that is everywhere, the first address of this machine that others can reach.',
  },
  notifyWebhook: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'Address that is told of what happens in projects which declare no channels, as JSON by POST. Empty: none.',
  },
  notifySlack: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'The same for an incoming webhook of Slack or of what speaks like it.',
  },
  notifyEmail: { type: z.string().default(''), help: 'The same by e-mail: addresses, divided by commas.' },
  smtp: {
    type: z.union([z.literal(''), z.url({ protocol: /^smtps?$/ })]).default(''),
    help: 'Server that mail is sent through: `smtp://user:password@host:587`, or `smtps://…`.',
  },
  mailFrom: { type: z.email().default('trainyard@localhost.localdomain'), help: 'Sender of mail.' },
  openlineageUrl: {
    type: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    help: 'Where OpenLineage events of runs, tasks and datasets are sent by POST. Empty: nowhere.',
  },
  logLevel: {
    type: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    help: 'Least severe line that is logged.',
  },
  python: { type: z.string().default('python3'), help: 'The Python that environments are built with.' },
} as const satisfies Record<string, Setting>

export type Config = { readonly [Name in keyof typeof settings]: z.output<(typeof settings)[Name]['type']> }

export const envName = (name: string): string => `TRAINYARD_${name.replace(/[A-Z]/g, c => `_${c}`).toUpperCase()}`
export const flagName = (name: string): string => `--${name.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`)}`

/**
 * Reads every setting, a flag before the environment before `trainyard.config.json` before the default, or throws one
 * `invalid` error that names all that are wrong. Called once, by whoever composes the process.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, unknown>> = {},
  file: Readonly<Record<string, unknown>> = {},
): Config {
  const problems: Problem[] = Object.keys(file)
    .filter(name => !(name in settings))
    .map(name => ({ field: name, allowed: `a setting: ${Object.keys(settings).join(', ')}` }))
  const entries = Object.entries<Setting>(settings).map(([name, { type, also }]) => {
    const value = flags[name] ?? env[envName(name)] ?? (also && env[also]) ?? file[name]
    const result = z.safeParse(type, value)
    if (!result.success)
      problems.push({
        field: `${flagName(name)} (${envName(name)})`,
        value,
        allowed: expectation(result.error.issues[0]!, value),
      })
    return [name, result.data] as const
  })
  if (problems.length > 0) throw invalid('Bad settings.', problems)
  return Object.fromEntries(entries) as Config
}
