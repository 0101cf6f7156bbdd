import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { createIsolation, type IsolationKind } from '../../src/compute/isolation.ts'
import { lockRequirements } from '../../src/compute/requirements-lock.ts'
import { openBench } from '../../src/compute/testing.ts'
import type { TrainyardError } from '../../src/kernel/error.ts'
import { uvFolder } from '../mlflow/environment.ts'

const wheel = 'rainfall-1.0-py3-none-any.whl'
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as whl:
    whl.writestr('rainfall.py', 'inches = 37')
    whl.writestr('rainfall-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: rainfall\\nVersion: 1.0\\n')
    whl.writestr('rainfall-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    whl.writestr('rainfall-1.0.dist-info/RECORD', '\\n'.join(name + ',,' for name in whl.namelist()) + '\\nrainfall-1.0.dist-info/RECORD,,\\n')
`

/** An index with one package, which no other has, and an executor whose pip is told of it, and of nothing else. */
async function open(t: TestContext, { hasUv, isolation = 'none' }: { hasUv: boolean; isolation?: IsolationKind }) {
  const asked: string[] = []
  let bytes = Buffer.alloc(0)
  const index = createServer(({ url = '', headers }, response) => {
    asked.push(`${headers['user-agent']?.split('/')[0]} ${url}`)
    if (url.endsWith('.whl')) return void response.end(bytes)
    response.writeHead(url === '/simple/rainfall/' ? 200 : 404, { 'content-type': 'text/html' })
    response.end(`<a href="/${wheel}#sha256=${sha256(bytes)}">${wheel}</a>`)
  })
  await new Promise<void>(ready => index.listen(0, '127.0.0.1', ready))
  t.after(() => index.close())
  const url = `http://127.0.0.1:${(index.address() as AddressInfo).port}/simple`
  // Not below /tmp, of which isolated builders see nothing.
  const bin = await mkdtemp('/var/tmp/trainyard-bin-')
  t.after(() => rm(bin, { recursive: true }))
  const envIn = (home: string) => ({
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    PIP_INDEX_URL: url,
    PIP_CONFIG_FILE: '/dev/null',
  })
  const bench = await openBench(t, folder => ({ isolation, env: envIn(folder), python: 'python3.11' }))
  if (hasUv) await copyFile(join(await uvFolder(), 'bin', 'uv'), join(bin, 'uv'))
  const path = join(bench.folder, wheel)
  await promisify(execFile)('python3', ['-c', makeWheel, path])
  bytes = await readFile(path)
  return { ...bench, env: envIn(bench.folder), asked, url, digest: sha256(bytes) }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const run = 'python -c "import rainfall; print(rainfall.inches)"'

async function packagesIn(folder: string, environment: string) {
  const place = join(folder, 'data', 'environments', environment, 'venv', 'lib', 'python3.11', 'site-packages')
  const { nlink } = await stat(join(place, 'rainfall.py'))
  const names = await readdir(place)
  return { nlink, names: names.filter(name => name !== '__pycache__').toSorted() }
}

test(
  'uv, where there is one, builds what pip builds, from the index that pip is told of',
  { timeout: 300_000 },
  async t => {
    const built = []
    for (const hasUv of [true, false]) {
      const { attempt, executor, asked, digest, folder } = await open(t, { hasUv })
      const files = { 'requirements.lock': `rainfall==1.0 --hash=sha256:${digest}` }
      const one = await attempt({ run, environment: { python: 'requirements.lock' } }, { files })

      await executor.execute(one)

      const environment = one.recorded.environments![0]!.digest
      const { text } = await executor.environments.log(environment, 0)
      const installs = /^\$ (uv|venv.bin.python -m) pip install .*$/m.exec(text)?.[0]
      built.push({ last: one.lines.at(-1), who: asked[0], installs, ...(await packagesIn(folder, environment)) })
    }

    const [byUv, byPip] = built
    assert.deepEqual(
      [byUv!.last, byUv!.who, byUv!.installs, byUv!.nlink],
      [
        '37',
        'uv /simple/rainfall/',
        '$ uv pip install --python venv/bin/python --require-hashes --link-mode copy --compile-bytecode -r requirements.lock',
        1,
      ],
    )
    assert.deepEqual(
      [byPip!.last, byPip!.who, byPip!.installs, byPip!.names],
      [
        '37',
        'pip /simple/rainfall/',
        '$ venv/bin/python -m pip install --no-input --require-hashes -r requirements.lock',
        byUv!.names,
      ],
    )
  },
)

test('isolated builders find and build the same, by pip and by uv', { timeout: 300_000 }, async t => {
  for (const hasUv of [true, false]) {
    const { attempt, executor, digest, folder, env } = await open(t, { hasUv, isolation: 'bubblewrap' })
    const why = await executor.isolationObstacle()
    if (why !== undefined) return t.skip(why)
    const files = { 'requirements.lock': `rainfall==1.0 --hash=sha256:${digest}` }
    const one = await attempt({ run, environment: { python: 'requirements.lock' } }, { files })

    await executor.execute(one)

    const { names } = await packagesIn(folder, one.recorded.environments![0]!.digest)
    const isolation = createIsolation({ kind: 'bubblewrap', path: env.PATH, hidden: [folder], readable: [] })
    const order = { requirements: 'rainfall', signal: t.signal, log: () => {} }
    const lock = await lockRequirements({ python: 'python3.11', env, isolation }, order)
    assert.deepEqual(
      [
        one.lines.at(-1),
        names.includes('rainfall.py'),
        lock
          .replaceAll(/\s*#.*$/gm, '')
          .replaceAll(/\s+\\?\s*/g, ' ')
          .trim(),
      ],
      ['37', true, `rainfall==1.0 --hash=sha256:${digest}`],
    )
  }
})

const project = `[project]
name = "rain"
version = "1"
requires-python = ">=3.11"
dependencies = ["rainfall==1.0"]
[dependency-groups]
dev = ["nothing-that-there-is"]
`
const uvLock = (url: string, digest: string): string => `version = 1
requires-python = ">=3.11"
[[package]]
name = "rain"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "rainfall" }]
[[package]]
name = "rainfall"
version = "1.0"
source = { registry = "${url}" }
wheels = [{ url = "${url.replace('simple', wheel)}", hash = "sha256:${digest}" }]
`

test(
  'a uv.lock with its pyproject.toml is an environment, without what only developers need',
  { timeout: 300_000 },
  async t => {
    const { attempt, executor, digest, url } = await open(t, { hasUv: true })
    const files = { 'py/uv.lock': uvLock(url, digest), 'py/pyproject.toml': project }

    const one = await attempt({ run, environment: { python: 'py/uv.lock' } }, { files })
    await executor.execute(one)

    assert.equal(one.lines.at(-1), '37')
    const { text } = await executor.environments.log(one.recorded.environments![0]!.digest, 0)
    assert.match(text, /^\$ uv export --frozen .*\n(?:.*\n)*\$ uv pip install .*--require-hashes/m)
  },
)

test('where there is no uv, a uv.lock is refused with what is allowed', async t => {
  const { attempt, executor, digest, url } = await open(t, { hasUv: false })
  const files = { 'uv.lock': uvLock(url, digest), 'pyproject.toml': project }
  const one = await attempt({ run, environment: { python: 'uv.lock' } }, { files })

  const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError

  assert.deepEqual(
    [error.message, error.detail],
    [
      'The environment of uv.lock cannot be built: it is a lock file of uv, which is not on the PATH here. Allowed: uv, or requirements with hashes.',
      { cause: { kind: 'environment' } },
    ],
  )
})
