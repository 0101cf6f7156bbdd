import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { wallClock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { DeploymentSpec, ProjectFile } from '#project'
import { logisticOnnx, type LogisticSpec } from '#registry'
import { createDuckdb, createOutbox, fsBlobs, outboxMigrations, type Blobs, type Tree } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { onnxFiles, packBundle, type BundleManifest } from './bundle.ts'
import { createServing, type Serving, type ServingParts } from './serving.ts'
import { readJsonFile, ServerFile, serverFile } from './routes-file.ts'
import { call } from './server-process.ts'
import { ownDoors, ownMemory, ownTelling, ownTimes } from './server-settings.ts'
import { sqlServingStore } from './store.sql.ts'
import { servingMigrations } from './tables.ts'
// oxlint-disable-next-line no-restricted-imports -- the model server runs as it is shipped, made anew when it has changed
import '../../scripts/built.ts'

/** A whole serving component with its model server, for the tests of this folder. */

// One query engine for all tests of a process: it keeps nothing from one query to the next.
export const duckdb = createDuckdb({ threads: 1 })
after(() => duckdb.stop())

export const windModel: LogisticSpec = { weights: { wind: 1, rain: -1 }, intercept: 0 }
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

export interface BundleSpec {
  readonly model?: LogisticSpec
  /** The model's file, where it is another one; its signature and golden rows are in `change`. */
  readonly file?: Uint8Array
  /** Source of serving code. */
  readonly code?: string
  readonly change?: Partial<BundleManifest>
}

/** How the tests' workers, if there are any, are kept. */
export const workers = { isolation: 'none', hidden: [], memoryBytes: 0 } as const satisfies ServingParts['workers']
/** Every bundle here is of ONNX, or runs in the machine's own Python. */
export const interpreters: ServingParts['interpreters'] = { use: async () => '/usr/bin/python3' }

/** A bundle of a logistic model with one golden row. */
export async function makeBundle(
  blobs: Blobs,
  { model = windModel, file = logisticOnnx(model), code, change = {} }: BundleSpec = {},
): Promise<Digest> {
  const bytes = await blobs.put(file)
  const features = Object.keys(model.weights)
  const manifest = {
    project: 'rain',
    model: 'rain',
    version: newId('mdv'),
    number: 1,
    signature: {
      inputs: features.map(name => ({ name, datatype: 'FP32', shape: [-1, 1] })),
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
    },
    service: null,
    golden: [
      {
        inputs: Object.fromEntries(features.map(name => [name, 0])),
        outputs: { probability: sigmoid(model.intercept) },
      },
    ],
    ...(code === undefined ? {} : { serving: 'serving/answer.ts' }),
    ...change,
  }
  const tree: Record<string, Tree[string]> = {}
  if (code !== undefined) tree['serving/answer.ts'] = { ...(await blobs.put(code)), executable: false }
  return packBundle(blobs, { manifest, model: await onnxFiles(blobs, bytes.digest), code: tree })
}

export interface Bench {
  readonly serving: Serving
  readonly blobs: Blobs
  readonly folder: string
  readonly warnings: readonly string[]
  readonly lineage: readonly string[]
  /** What is set, by name. */
  readonly secrets: Record<string, string>
  /** Says something of the deployment in the project file, and has it followed. */
  declare(spec: Partial<DeploymentSpec>): Promise<void>
  /** Declares graphs, with the files of the project's code, and has them followed. */
  declareGraphs(graphs: ProjectFile['graphs'], code?: Readonly<Record<string, string>>): Promise<void>
  events(): Promise<readonly (readonly [string, unknown])[]>
  /** The same server, asked for a deployment of another name. */
  at(deployment: string): Bench
  /** Deploys a new bundle; all of the traffic unless said. */
  deploy(bundle: Digest, weight?: number, more?: { shadow?: number }): Promise<Awaited<ReturnType<Serving['deploy']>>>
  /** Another control plane over the same state and folder. */
  again(): Serving
  /** Where gRPC is answered: host and port. */
  grpcAddress(): Promise<string>
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; text: string }>
  infer(
    body: unknown,
    options?: { path?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; body: Answer }>
}

export interface Answer {
  readonly error?: string
  readonly id?: string
  readonly model_version: string
  readonly parameters: { readonly prediction_id: string; readonly revision: string; readonly model_version: string }
  readonly outputs: readonly {
    readonly name: string
    readonly datatype: string
    readonly shape: readonly number[]
    readonly data: readonly unknown[]
  }[]
}

/** Hooks that run when all tests of a process are done. Called where a file begins, outside of any test. */
export function fileHooks(): Pick<TestContext, 'after'> {
  const cleanups: (() => unknown)[] = []
  after(async () => {
    // What a cleanup waits for need not keep the process, which would end in the middle.
    const awake = setInterval(() => {}, 1_000)
    for (const cleanup of cleanups.toReversed()) await cleanup()
    clearInterval(awake)
  })
  return { after: cleanup => void cleanups.push(cleanup as () => unknown) }
}

export interface BenchOptions {
  readonly online?: string
  /** Where the model server listens. */
  readonly host?: string
  readonly keys?: ServingParts['keys']
  readonly doors?: Partial<ServingParts['doors']>
  readonly times?: Partial<ServingParts['times']>
  readonly telling?: Partial<ServingParts['telling']>
  readonly memory?: Partial<ServingParts['memory']>
  readonly processes?: number
}

const told = ({
  online = '',
  host = '127.0.0.1',
  keys = async () => [],
  doors = {},
  times = {},
  telling = {},
  memory = {},
  processes,
}: BenchOptions) => ({
  online,
  host,
  keys,
  doors: { ...ownDoors, ...doors },
  times: { ...ownTimes, ...times },
  telling: { ...ownTelling, ...telling },
  memory: { ...ownMemory, ...memory },
  processes,
})

/** `t` may also be the hooks of a whole file. */
export async function openBench(t: Pick<TestContext, 'after'>, options: BenchOptions = {}): Promise<Bench> {
  const db = await testEngines()[0]!.open(t as TestContext, [...outboxMigrations, ...servingMigrations])
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-serving-'))
  const blobs = fsBlobs(join(folder, 'blobs'))
  const warnings: string[] = []
  const lineage: string[] = []
  const declared: Record<string, Partial<DeploymentSpec>> = {}
  const secrets: Record<string, string> = {}
  const project: Host['project'] = { number: 1, graphs: undefined, code: undefined }
  const warn = (_: object, message: string): void => void warnings.push(message)
  const outbox = createOutbox({ db, clock: wallClock, owner: 'test', warn })
  const ledger = {
    record: async (_: unknown, node: { kind: string }) => void lineage.push(node.kind),
    link: async (_: unknown, edge: { from: string; relation: string; to: string }) =>
      void lineage.push(`${edge.from.slice(0, 3)} ${edge.relation} ${edge.to.slice(0, 3)}`),
    provide: () => {},
  }
  const again = (): Serving =>
    createServing({
      db,
      store: sqlServingStore(db),
      outbox,
      ledger,
      blobs,
      duckdb,
      clock: wallClock,
      dataFolder: folder,
      port: 0,
      webhookTargets: 'any',
      ...told(options),
      projects: {
        find: async () => ({ ...project, spec: { deployments: declared, graphs: project.graphs } }) as never,
      },
      secrets: { use: async ({ names }) => Object.fromEntries(names.map(name => [name, secrets[name]!])) },
      version: '0',
      workers: { ...workers, hidden: [] },
      interpreters,
      retentionMs: 1e12,
      warn,
    })
  const serving = again()
  t.after(async () => {
    await serving.stop()
    await serving.stopServing()
    await rm(folder, { recursive: true, force: true })
  })
  await serving.start()
  const host = {
    serving,
    blobs,
    folder,
    warnings,
    lineage,
    declared,
    secrets,
    project,
    again,
    events: async () => (await outbox.after(0, 1_000)).map(({ type, data }) => [type, data] as const),
    async grpcAddress() {
      const { grpcPort } = (await readJsonFile(serverFile(join(folder, 'serving')), ServerFile))!
      return `127.0.0.1:${grpcPort}`
    },
    async get(path: string, headers: Record<string, string> = {}) {
      return call(addressOf(serving), { method: 'GET', path, headers, timeoutMs: 60_000 })
    },
  }
  return benchAt(host, 'rain')
}

function addressOf(serving: Serving): { host: string; port: number } {
  const { hostname, port } = new URL(serving.url())
  return { host: hostname, port: Number(port) }
}

/** What the deployments of one server share. */
interface Host extends Omit<Bench, 'at' | 'declare' | 'declareGraphs' | 'deploy' | 'infer'> {
  /** What the project file says of each. */
  readonly declared: Record<string, Partial<DeploymentSpec>>
  readonly project: { number: number; graphs: ProjectFile['graphs']; code: Digest | undefined }
}

function benchAt(host: Host, deployment: string): Bench {
  const { serving } = host
  return {
    ...host,
    async declare(spec) {
      host.declared[deployment] = spec
      await serving.follow()
    },
    async declareGraphs(graphs, code = {}) {
      const files = Object.entries(code).map(
        async ([path, text]) => [path, { ...(await host.blobs.put(text)), executable: false }] as const,
      )
      const tree = canonicalJson(Object.fromEntries(await Promise.all(files)))
      Object.assign(host.project, {
        number: host.project.number + 1,
        graphs,
        code: (await host.blobs.put(tree)).digest,
      })
      await serving.follow()
    },
    at: other => benchAt(host, other),
    events: async () =>
      (await host.events()).filter(([, data]) => (data as { deployment: string }).deployment === deployment),
    deploy: (bundle, weight = 100, more = {}) =>
      serving.deploy({
        project: 'rain',
        deployment,
        model: 'rain',
        version: { id: newId('mdv'), version: 1 },
        bundle,
        weight,
        actor: 'ada',
        reason: 'test',
        ...more,
      }),
    async infer(body, { path = 'infer', headers = {} } = {}) {
      const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
      const exchange = {
        method: 'POST',
        path: `/v2/models/${deployment}/${path}`,
        body: bytes,
        headers,
        timeoutMs: 60_000,
      } as const
      const { status, text } = await call(addressOf(serving), exchange)
      return { status, body: JSON.parse(text) as Answer }
    },
  }
}

/** The inputs of one request: rows of wind and rain. */
export const inputs = (...rows: readonly (readonly [wind: unknown, rain: unknown])[]) => ({
  inputs: ['wind', 'rain'].map((name, column) => ({
    name,
    shape: [rows.length, 1],
    datatype: 'FP32',
    data: rows.map(row => row[column]),
  })),
})
