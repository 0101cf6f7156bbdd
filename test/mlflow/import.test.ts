import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pythonWith } from './environment.ts'
import { startMlflow, startOurs, type RunningServer } from './servers.ts'

/** What real clients have logged at MLflow's newest server, and in a file store of an old one, is imported whole. */

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const script = fileURLToPath(new URL('fill.py', import.meta.url))
const compare = fileURLToPath(new URL('same.py', import.meta.url))

suite('MLflow is imported whole', { timeout: 600_000 }, () => {
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

  test('from a file store of 2.9', async () => {
    const python = await pythonWith('mlflow-2.9.2')
    await run(python, [script, `file://${join(folder, 'mlruns')}`], { cwd: folder })
    const { differences, written } = await bring(join(folder, 'mlruns'), 'old')
    assert.deepEqual(differences, [])
    assert.ok(written > 5)
  })
})
