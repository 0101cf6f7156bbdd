import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
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
  readonly servers: readonly string[]
  /** Begins all names that the flows make. */
  readonly prefix: string
  readonly flows: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
}

const client = join(import.meta.dirname, 'flows/client.py')
const kept = 6_000

/** Runs flows against all servers at once, one flow after the other, in a process of the client for each. By server. */
export async function runFlows({ python, servers, prefix, flows, folder, env }: FlowRun): Promise<readonly Flow[][]> {
  await mkdir(folder, { recursive: true })
  const outputs = servers.map(() => 'pipe' as const)
  const child = spawn(python, [client, prefix, ...flows, '--', ...servers], {
    stdio: ['ignore', outputs[0]!, 'pipe', ...outputs.slice(1)],
    // oxlint-disable-next-line node/no-process-env -- a child process inherits the machine's environment
    env: { ...process.env, ...quiet, ...settings, TMPDIR: folder, ...env },
  })
  let errors = ''
  child.stderr!.on('data', chunk => (errors = (errors + String(chunk)).slice(-kept)))
  const ended = once(child, 'exit')
  const [first, , ...others] = child.stdio.slice(1) as Readable[]
  const seen = await Promise.all([first!, ...others].map(flowsIn))
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`The client ended with ${code}:\n${errors}`)
  return seen
}

async function flowsIn(input: Readable): Promise<Flow[]> {
  const lines = await Array.fromAsync(createInterface({ input }))
  return lines.map(line => JSON.parse(line) as Flow)
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
