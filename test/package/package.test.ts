import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

/** What `npm run build` has made, packed, installed into an empty folder and used as somebody would who found it there. */

const run = promisify(execFile)
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trainyard-package-'))
  const { stdout } = await run('npm', ['pack', './dist', '--pack-destination', folder, '--json'])
  const [{ filename }] = Object.values(JSON.parse(stdout) as Record<string, { filename: string }>) as [
    { filename: string },
  ]
  await run('npm', ['init', '--yes'], { cwd: folder })
  await run('npm', ['install', '--no-audit', '--no-fund', '--onnxruntime-node-install=skip', join(folder, filename)], {
    cwd: folder,
  })
})
after(() => rm(folder, { recursive: true, force: true }))

const trainyard = (...args: string[]) => run(join(folder, 'node_modules/.bin/trainyard'), args, { cwd: folder })

test('the manifest says what is in the package', async () => {
  const { messages } = await publint({ pkgDir: 'dist', strict: true })
  const manifest = JSON.parse(await readFile('dist/package.json', 'utf8'))

  assert.deepEqual(
    messages.filter(({ type }) => type !== 'suggestion').map(message => formatMessage(message, manifest)),
    [],
  )
})

test('the command answers under any Node from 20 on', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))

  assert.equal((await trainyard('--version')).stdout.trim(), version)
})

test('an editor has nothing against the project that init makes, and names a misspelt field', async () => {
  await trainyard('init', 'typed')
  const file = join(folder, 'typed/trainyard.ts')
  const misspelt = join(folder, 'typed/misspelt.ts')
  await writeFile(misspelt, (await readFile(file, 'utf8')).replace('objective:', 'objektive:'))
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--types',
    '',
  ]
  const check = (path: string) =>
    run('node_modules/.bin/tsc', ['--ignoreConfig', ...options, path]).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    )

  const found = [await check(file), /'\w+' does not exist|Did you mean[^?]*/.exec(await check(misspelt))?.[0]]
  assert.deepEqual(found, ['', "'objektive' does not exist"])
})

test('a project that init has made is taken by a server from the package', { timeout: 400_000 }, async t => {
  await trainyard('init', 'drizzle')
  const data = join(folder, 'data')
  const server = spawn(
    join(folder, 'node_modules/.bin/trainyard'),
    ['start', '--data', data, '--port', '0', '--serving-port', '0'],
    { cwd: folder, stdio: 'ignore' },
  )
  t.after(async () => {
    await fetch(`${url}/api/v1/serving/stop`, { method: 'POST' }).catch(() => {})
    server.kill('SIGTERM')
    await once(server, 'exit')
  })
  let url = ''
  for (let tries = 0; url === '' && tries < 200; tries++) {
    await sleep(100)
    url = await readFile(join(data, 'server.json'), 'utf8').then(
      text => JSON.parse(text).url as string,
      () => '',
    )
  }

  const applied = await trainyard('apply', 'drizzle', '--json', '--server', url)
  const pages = await fetch(url)

  const { revision } = JSON.parse(applied.stdout) as { revision: { project: string; number: number } }
  assert.deepEqual(
    [revision.project, revision.number, pages.status, (await pages.text()).includes('id="root"')],
    ['drizzle', 1, 200, true],
  )
})
