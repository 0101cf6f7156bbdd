import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pythonWith, uvFolder } from '../mlflow/environment.ts'
import { quiet, startOurs, type RunningServer } from '../mlflow/servers.ts'

/** Models that MLflow's own client has logged and registered, from the registry to their answers. */

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const script = fileURLToPath(new URL('log_models.py', import.meta.url))

interface Sample {
  readonly rows: Readonly<Record<string, number[]>>
  readonly answers: number[][]
}

suite('registered models are deployed', { timeout: 600_000 }, () => {
  let folder: string
  let ours: RunningServer
  let sample: Sample

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainyard-models-'))
    const uv = join(await uvFolder(), 'bin')
    // oxlint-disable-next-line node/no-process-env -- a child process inherits the machine's environment
    ours = await startOurs(join(folder, 'data'), { PATH: [uv, process.env['PATH']].join(delimiter) })
    const python = await pythonWith('mlflow-3.17.2')
    const env = { ...process.env, ...quiet, MLFLOW_TRACKING_URI: ours.url }
    const { stdout } = await run(python, ['-W', 'ignore', script, folder], { env, cwd: folder })
    sample = JSON.parse(stdout.trim().split('\n').at(-1)!) as Sample
  })
  after(async () => {
    await ours.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const trainyard = async (...args: string[]): Promise<Record<string, unknown>> => {
    const env = { ...process.env, TRAINYARD_SERVER: ours.url }
    const { stdout } = await run(process.execPath, [main, ...args, '--json'], { env })
    return JSON.parse(stdout) as Record<string, unknown>
  }

  /** Deploys the newest version of a model and waits for the end of its run. */
  async function deploy(model: string): Promise<{ state: string; log(task: string): Promise<string> }> {
    const { run: id } = await trainyard('deploy', model, '--model', model, '--project', 'default', '--reason', 'test')
    const get = async <T>(path: string): Promise<T> => (await (await fetch(`${ours.url}/api/v1${path}`)).json()) as T
    for (;;) {
      const {
        run: { state },
        tasks,
      } = await get<{ run: { state: string }; tasks: { id: string; name: string }[] }>(`/runs/${String(id)}`)
      if (!['queued', 'running'].includes(state))
        return {
          state,
          log: async name => {
            const { id: task } = tasks.find(one => one.name === name)!
            return (await get<{ text: string }>(`/tasks/${task}/log`)).text
          },
        }
      await sleep(200)
    }
  }

  async function conversionOf(model: string): Promise<Record<string, unknown>> {
    const versions = await fetch(`${ours.url}/api/v1/projects/default/models/${model}/versions`)
    const { items } = (await versions.json()) as { items: { id: string }[] }
    const response = await fetch(`${ours.url}/api/v1/model-versions/${items[0]!.id}/conversion`)
    return (await response.json()) as Record<string, unknown>
  }

  async function infer(deployment: string, columns: Readonly<Record<string, number[]>>) {
    const { url } = (await (await fetch(`${ours.url}/api/v1/deployments/${deployment}`)).json()) as { url: string }
    const inputs = Object.entries(columns).map(([name, data]) => ({
      name,
      datatype: 'FP64',
      shape: [data.length, 1],
      data,
    }))
    const response = await fetch(`${url}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) })
    const body = (await response.json()) as {
      error?: string
      outputs: { name: string; datatype: string; shape: number[]; data: number[] }[]
    }
    return { status: response.status, ...body }
  }

  test('a scikit-learn model of MLflow answers what it answered where it was logged', async () => {
    const { state, log } = await deploy('churn')
    assert.equal(state, 'succeeded', `${await log('bundle')}\n${await log('rehearse')}`)

    const { status, outputs } = await infer('churn', sample.rows)

    assert.equal(status, 200)
    const [{ datatype, shape, data }] = outputs as [(typeof outputs)[0]]
    assert.deepEqual([outputs.length, datatype, shape], [1, 'FP64', [3, 2]])
    for (const [at, value] of sample.answers.flat().entries()) assert.ok(Math.abs(data[at]! - value) < 1e-6)
    assert.match(await log('rehearse'), /passed {2}golden: 5 known rows got their known answers\./)
    const { outcome, rows, differing, reason } = await conversionOf('churn')
    assert.deepEqual({ outcome, rows, differing }, { outcome: 'faster', rows: 1_000, differing: 0 }, String(reason))
    assert.match(await log('bundle'), /As ONNX: It gives the same answers/)
  })

  test('a model that MLflow alone can load answers what it answered where it was logged', async () => {
    const { state, log } = await deploy('sure')
    assert.equal(state, 'succeeded', `${await log('bundle')}\n${await log('rehearse')}`)

    const { outputs } = await infer('sure', sample.rows)

    assert.deepEqual(
      outputs[0]!.data,
      sample.answers.map(probabilities => Math.max(...probabilities)),
    )
  })

  test('a class of its own answers from its files, in the platform’s own Python', async () => {
    const { state, log } = await deploy('sum')
    assert.equal(state, 'succeeded', `${await log('bundle')}\n${await log('rehearse')}`)

    const { outputs } = await infer('sum', { a: [1, 2], b: [0.5, 0.25] })

    assert.deepEqual(outputs[0]!.data, [101.5, 102.25])
    assert.match(await log('bundle'), /a row of zeros/)
  })
})
