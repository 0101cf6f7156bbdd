import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { pythonWith } from './environment.ts'
import { startMlflow, startOurs, type RunningServer } from './servers.ts'

/** What real clients have logged at MLflow's servers, and in a file store of an old one, is imported whole. */

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const place = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const [script, compare] = [place('fill.py'), place('same.py')]
const [fillTraces, compareTraces] = [place('fill_traces.py'), place('same_traces.py')]

suite('MLflow is imported whole', { timeout: 600_000, concurrency: 2 }, () => {
  let folder: string
  let ours: RunningServer

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainyard-import-'))
    ours = await startOurs(join(folder, 'trainyard'))
  })
  after(async () => {
    await ours.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  /** Starts an import and ends it without a warning when the first trace is here. */
  async function breakOff(from: string, project: string): Promise<void> {
    const line = [main, 'import', 'mlflow', from, '--prefix', `${project}-`, '--json']
    const child = spawn(process.execPath, line, {
      env: { ...process.env, TRAINYARD_SERVER: ours.url },
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    const experiment = encodeURIComponent(`${project}-traced/größe`)
    const isThere = async (): Promise<boolean> => {
      const found = await fetch(`${ours.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=${experiment}`)
      if (!found.ok) return false
      const { experiment: made } = (await found.json()) as { experiment: { experiment_id: string } }
      const page = await fetch(`${ours.url}/api/v1/experiments/${made.experiment_id}/traces`)
      return ((await page.json()) as { items: unknown[] }).items.length > 0
    }
    while (child.exitCode === null && !(await isThere())) await sleep(20)
    child.kill('SIGKILL')
    await ended
  }

  async function bring(from: string, project: string): Promise<{ differences: unknown[]; written: number }> {
    const env = { ...process.env, TRAINYARD_SERVER: ours.url }
    const line = [main, 'import', 'mlflow', from, '--prefix', `${project}-`, '--json']
    const { stdout } = await run(process.execPath, line, { env, maxBuffer: 1 << 26 })
    return JSON.parse(stdout) as { differences: unknown[]; written: number }
  }

  test('from a server of 3.17, and its client sees the same at both', async () => {
    const python = await pythonWith('mlflow-3.17.2')
    const theirs: RunningServer = await startMlflow({ python, folder: join(folder, 'mlflow') })
    try {
      await run(python, [script, theirs.url], { cwd: folder })
      await breakOff(theirs.url, 'new')
      const first = await bring(theirs.url, 'new')
      assert.deepEqual(first.differences, [])
      assert.ok(first.written > 5)
      const again = await bring(theirs.url, 'new')
      assert.deepEqual([again.differences, again.written], [[], 0])
      await run(python, [compare, theirs.url, ours.url, 'new-'], { cwd: folder })
    } finally {
      await theirs.stop()
    }
  })

  test('traces and evaluation datasets from a server of 3.6, which keeps spans and gives them otherwise', async () => {
    const python = await pythonWith('mlflow-3.6.0')
    const theirs: RunningServer = await startMlflow({ python, folder: join(folder, 'mlflow-3.6') })
    try {
      await run(python, [fillTraces, theirs.url], { cwd: folder })
      const { differences, written } = await bring(theirs.url, 'older')
      assert.deepEqual(differences, [])
      assert.equal(written, 8)
      await run(python, [compareTraces, theirs.url, ours.url, 'older-'], { cwd: folder })
    } finally {
      await theirs.stop()
    }
  })

  test('from a file store of 2.9', async () => {
    const python = await pythonWith('mlflow-2.9.2')
    await run(python, [script, `file://${join(folder, 'mlruns')}`], { cwd: folder })
    const { differences, written } = await bring(join(folder, 'mlruns'), 'old')
    assert.deepEqual(differences, [])
    assert.ok(written > 5)
  })
})
