import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bytecodeFolder } from './environment.ts'
import { quiet } from './servers.ts'

/** What the client has seen in a flow: the name of each step and its value. */
export interface Flow {
  readonly flow: string
  readonly seen: Readonly<Record<string, unknown>>
  /** The client's stack when the flow itself broke off. */
  readonly failed?: string
  readonly seconds: number
}

export interface FlowRun {
  readonly python: string
  readonly server: string
  /** Begins all names that the flows make. */
  readonly prefix: string
  readonly flows: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
}

const client = join(import.meta.dirname, 'flows/client.py')
const kept = 6_000

/** Runs flows in one process of the client, one after the other. */
export async function runFlows({ python, server, prefix, flows, folder, env }: FlowRun): Promise<readonly Flow[]> {
  await mkdir(folder, { recursive: true })
  const child = spawn(python, [client, prefix, ...flows], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // oxlint-disable-next-line node/no-process-env -- a child process inherits the machine's environment
    env: { ...process.env, ...quiet, ...settings, MLFLOW_TRACKING_URI: server, TMPDIR: folder, ...env },
  })
  let errors = ''
  child.stderr.on('data', chunk => (errors = (errors + String(chunk)).slice(-kept)))
  const ended = once(child, 'exit')
  const seen: Flow[] = []
  for await (const line of createInterface({ input: child.stdout })) seen.push(JSON.parse(line) as Flow)
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`The client ended with ${code}:\n${errors}`)
  return seen
}

const settings = {
  // What a server answers is what is seen, and at once: retries would only delay it.
  MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0',
  MLFLOW_HTTP_REQUEST_TIMEOUT: '60',
  MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: 'false',
  // The client finds out a model's requirements in a process of its own for each model; it has to give up at once.
  MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT: '1',
  MPLBACKEND: 'Agg',
  // Compiled once, and not beside the code that flows log as artifacts.
  PYTHONPYCACHEPREFIX: bytecodeFolder,
}
