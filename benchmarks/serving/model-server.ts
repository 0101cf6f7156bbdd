import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '#kernel/digest.ts'
import { logisticOnnx } from '#registry'
import { manifestFile, modelFile, type BundleManifest } from '../../src/serving/bundle.ts'
import { bundleFolder, routesFile, type RoutesFile } from '../../src/serving/routes-file.ts'
import { serverMain, startServer, stopServer } from '../../src/serving/server-process.ts'
import type { ServerSettings } from '../../src/serving/server-settings.ts'
import { pin } from './core.ts'
import { features } from './question.ts'
import '../../scripts/built.ts'

export interface Running {
  readonly port: number
  readonly grpcPort?: number | undefined
  readonly pid: number
  /** When it was started, in kernel ticks: with the pid, one process. */
  readonly ticks?: number
  /** The server's own folder, where it has one. */
  readonly folder?: string | undefined
  stop(): Promise<void>
}

const bundle = digestOf('trees')

export const manifest: BundleManifest = {
  runtime: { kind: 'onnx' },
  project: 'trees',
  model: 'trees',
  version: 'mdv_1',
  number: 1,
  signature: {
    inputs: features.map(name => ({ name, datatype: 'FP32', shape: [-1, 1] })),
    outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }],
  },
  service: null,
  golden: [],
}

export const routes = (weights: readonly number[] = [100], version = 1): RoutesFile => ({
  version,
  deployments: [
    {
      name: 'trees',
      project: 'trees',
      limits: {},
      log: { oneIn: 1, leaveOut: [], redact: [] },
      isGraph: false,
      former: [],
      revisions: weights.map((weight, index) => ({
        id: `rev_${index + 1}`,
        number: index + 1,
        version: `mdv_${index + 1}`,
        bundle,
        weight,
        shadow: 0,
      })),
    },
  ],
  preload: [],
})

/** Writes a model that takes next to no time, a logistic regression on all features. Gives its file. */
export async function lightModel(folder: string): Promise<string> {
  const file = join(folder, 'light.onnx')
  const weights = Object.fromEntries(features.map(name => [name, 1]))
  await writeFile(file, logisticOnnx({ weights, intercept: 0, output: 'two_columns' }))
  return file
}

/** A folder with the model and a route to it. */
export async function serverFolder(model: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-benchmark-'))
  await mkdir(bundleFolder(folder, bundle), { recursive: true })
  await writeFile(join(bundleFolder(folder, bundle), manifestFile), JSON.stringify(manifest))
  await copyFile(model, join(bundleFolder(folder, bundle), modelFile))
  await writeFile(routesFile(folder), JSON.stringify(routes()))
  return folder
}

export const serverSettings = (change: Partial<ServerSettings> = {}): ServerSettings => ({
  host: '127.0.0.1',
  port: 0,
  online: '',
  version: '0',
  isLogged: true,
  workers: { isolation: 'none', hidden: [], memoryBytes: 0 },
  doors: { deployment: '', predict: '', health: '', isOpen: false, grpcPort: 0 },
  main: serverMain,
  ...change,
})

/** The model server as it is shipped, on a core of its own. */
export async function startModelServer(model: string, change: Partial<ServerSettings> = {}): Promise<Running> {
  const folder = await serverFolder(model)
  const server = await startServer(folder, serverSettings(change))
  pin(server.pid, 'server')
  return {
    ...server,
    folder,
    async stop() {
      await stopServer(server)
      await rm(folder, { recursive: true })
    },
  }
}
