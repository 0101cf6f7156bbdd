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
import { builtAt } from '#kernel/place.ts'
import { basicAuth, makeAdministrator, signedIn } from './basic-auth.ts'
import { pythonWith } from './environment.ts'
import { startMlflow, startOurs, type RunningServer } from './servers.ts'

/** What real clients have logged at MLflow's servers, and in a file store of an old one, is imported whole. */

const run = promisify(execFile)
const main = fileURLToPath(builtAt('cli/main.js'))
const place = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const [script, compare] = [place('fill.py'), place('same.py')]
const [fillTraces, compareTraces] = [place('fill_traces.py'), place('same_traces.py')]

suite('MLflow is imported whole', { timeout: 1_200_000, concurrency: 2 }, () => {
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

  /** Starts an import and ends it without a warning when the first run is here: most is still to come. */
  async function breakOff(from: string, project: string): Promise<void> {
    const line = [main, 'import', 'mlflow', from, '--prefix', `${project}-`, '--json']
    const child = spawn(process.execPath, line, {
      env: { ...process.env, ...signedIn, TRAINYARD_SERVER: ours.url },
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    const experiment = encodeURIComponent(`${project}-vision/größe`)
    const isThere = async (): Promise<boolean> => {
      const found = await fetch(`${ours.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=${experiment}`)
      if (!found.ok) return false
      const { experiment: made } = (await found.json()) as { experiment: { experiment_id: string } }
      const page = await fetch(`${ours.url}/api/v1/experiments/${made.experiment_id}/runs`)
      return ((await page.json()) as { items: unknown[] }).items.length > 0
    }
    while (child.exitCode === null && !(await isThere())) await sleep(20)
    child.kill('SIGKILL')
    const [, signal] = (await ended) as [number | null, string | null]
    assert.equal(signal, 'SIGKILL', 'The import was over before it could be broken off.')
  }

  interface Report {
    readonly differences: unknown[]
    readonly left: readonly { readonly what: string }[]
    readonly written: number
  }

  async function bring(from: string, project: string, as: Readonly<Record<string, string>> = {}): Promise<Report> {
    const env = { ...process.env, ...as, TRAINYARD_SERVER: ours.url }
    const line = [main, 'import', 'mlflow', from, '--prefix', `${project}-`, '--json']
    const { stdout } = await run(process.execPath, line, { env, maxBuffer: 1 << 26 })
    return JSON.parse(stdout) as Report
  }

  const userOf = async (
    name: string,
  ): Promise<{ user: { hasPassword: boolean; role?: string }; grants: { kind: string; level: string }[] }> =>
    (await (await fetch(`${ours.url}/api/v1/users/${name}`)).json()) as never

  test('from a server of 3.17, and its client sees the same at both', async () => {
    const python = await pythonWith('mlflow-3.17.2')
    const own = join(folder, 'mlflow')
    const theirs: RunningServer = await startMlflow({ python, folder: own, ...(await basicAuth(own)) })
    await makeAdministrator(ours.url)
    const env = { ...process.env, ...signedIn }
    try {
      await run(python, [script, theirs.url], { cwd: folder, env })
      await breakOff(theirs.url, 'new')
      const first = await bring(theirs.url, 'new', signedIn)
      assert.deepEqual(first.differences, [])
      assert.ok(first.written > 5)
      assert.deepEqual(
        first.left.map(({ what }) => what),
        ['webhook models', 'user Ann@x.org', 'user bob'],
      )
      const again = await bring(theirs.url, 'new', signedIn)
      assert.deepEqual([again.differences, again.written, again.left], [[], 0, first.left])
      await run(python, [compare, theirs.url, ours.url, 'new-'], { cwd: folder, env })
      const { user, grants } = await userOf('bob')
      assert.equal(user.hasPassword, false)
      assert.deepEqual(grants.map(({ kind, level }) => `${kind} ${level}`).toSorted(), [
        'experiment EDIT',
        'experiment NO_PERMISSIONS',
        'registered_model READ',
      ])
      assert.equal((await userOf('Ann@x.org')).user.role, 'admin')
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
