import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const weather = pathOf('node_modules/vega-datasets/data/weather.csv')

interface Ended {
  readonly code: number
  /** The last line of each. */
  readonly said: string
  readonly error: string
  /** What is left in the folder for temporary files. */
  readonly left: readonly string[]
}

/** `trainyard try` in the folder of the example, with a folder of its own for what is temporary. */
async function tried(...args: readonly string[]): Promise<Ended> {
  const temporary = await mkdtemp(join(tmpdir(), 'trainyard-trying-'))
  // What is compiled is kept where temporary files are, unless it is said where.
  const env = { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: pathOf('node_modules/.cache/compiled') } // oxlint-disable-line node/no-process-env -- a child process inherits the machine's environment
  const [code, said, error] = await new Promise<[number, string, string]>(resolve =>
    execFile(
      process.execPath,
      [pathOf('src/cli/main.ts'), 'try', ...args],
      { cwd: pathOf('examples/rain'), env },
      (failure, stdout, stderr) => resolve([Number(failure?.code ?? 0), stdout, stderr]),
    ),
  )
  const left = await readdir(temporary)
  await rm(temporary, { recursive: true })
  return {
    code,
    said: said
      .trim()
      .split('\n')
      .at(-1)!
      .replace(/run_\S+/, 'run'),
    error: error.split('\n').find(line => line.startsWith('✗')) ?? '',
    left,
  }
}

test('a pipeline is tried without a server, on data of its own, and nothing of it is left', async () => {
  assert.deepEqual(
    [
      await tried('training', '--source', `weather=${weather}`),
      await tried('training'),
      await tried('training', '--source', 'weather'),
    ],
    [
      { code: 0, said: 'run  succeeded', error: '', left: [] },
      { code: 1, said: 'run  failed', error: '✗ Task ingest: Source weather has no data.', left: [] },
      { code: 1, said: '', error: '✗ An option has a name and a value.', left: [] },
    ],
  )
})
