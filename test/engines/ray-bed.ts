import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { ask } from '../../src/compute/ask.ts'
import { pythonWith } from '../mlflow/environment.ts'
import { freePort, markName, signalMarked, untilTrue } from './programs.ts'

const run = promisify(execFile)

/** A real Ray head of two cores, its dashboard on loopback. */
export interface RayBed {
  readonly url: string
  /** Ends the whole cluster as a crash of its machine does; what it knew of its jobs is gone. */
  kill(): Promise<void>
  /** Stops the dashboard, through which jobs are asked after, and lets it go on. */
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

/** A head on a busy machine gives its parts up before they have started. */
const patience = { RAY_agent_register_timeout_ms: '180000', RAY_raylet_start_wait_time_s: '180' }

export async function openRay(): Promise<RayBed> {
  const python = await pythonWith('ray')
  // Paths of its sockets are short, or Ray refuses.
  const folder = await mkdtemp('/tmp/ray-')
  const [port, dashboard, client] = [await freePort(), await freePort(), await freePort()]
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    RAY_DISABLE_DOCKER_CPU_WARNING: '1',
    ...patience,
    [markName]: folder,
  }
  const mark = `${markName}=${folder}`
  const options = [
    '--head',
    `--port=${port}`,
    '--dashboard-host=127.0.0.1',
    `--dashboard-port=${dashboard}`,
    `--ray-client-server-port=${client}`,
    '--include-dashboard=true',
    '--num-cpus=4',
    '--num-gpus=0',
    '--object-store-memory=100000000',
    '--disable-usage-stats',
    `--temp-dir=${folder}`,
  ]
  await run(python, ['-c', 'from ray.scripts.scripts import main; main()', 'start', ...options], {
    env,
    cwd: folder,
    timeout: 240_000,
  })
  const url = `http://127.0.0.1:${dashboard}`
  // It is ready when it takes a job.
  const probe = { submission_id: 'probe', entrypoint: 'true' }
  await untilTrue(
    'Ray',
    async () => (await ask(`${url}/api/jobs/`, { method: 'POST', body: probe, answerMs: 30_000 })).status !== 500,
    180_000,
  )
  const kill = async (): Promise<void> => signalMarked(mark, 'SIGKILL')
  const dashboards = (signal: NodeJS.Signals): Promise<void> => signalMarked(mark, signal, /dashboard\/dashboard\.py/)
  return {
    url,
    kill,
    pause: () => dashboards('SIGSTOP'),
    resume: () => dashboards('SIGCONT'),
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
