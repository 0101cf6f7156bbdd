import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openBench } from '../../src/compute/testing.ts'

const channel = fileURLToPath(new URL('conda-channel.py', import.meta.url))
const bareLinux = { skip: process.platform !== 'linux' || process.arch !== 'x64' }

/** A channel with three packages, which no other has, and the lock file of them all. */
async function open(t: TestContext) {
  const bench = await openBench(t, folder => ({ env: { ...process.env, HOME: folder } })) // oxlint-disable-line node/no-process-env -- pip's own settings
  const root = join(bench.folder, 'channel')
  const { stdout } = await promisify(execFile)('python3', [channel, root])
  const server = createServer(({ url = '' }, response) => {
    createReadStream(join(root, url))
      .on('error', () => response.writeHead(404).end())
      .pipe(response)
  })
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready))
  t.after(() => server.close())
  return { ...bench, lock: stdout.replaceAll('$CHANNEL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`) }
}

test('packages of conda are an environment: their programs, modules and variables are there', bareLinux, async t => {
  const { attempt, executor, lock, folder } = await open(t)
  const run = 'greet && ls $CONDA_PREFIX/lib/python3.11/site-packages'
  const one = await attempt({ run, environment: { conda: 'conda.lock' } }, { files: { 'conda.lock': lock } })

  await executor.execute(one)

  const [environment] = one.recorded.environments!
  const place = join(folder, 'data', 'environments', environment!.digest)
  assert.deepEqual(
    [one.lines.slice(-2), environment!.kind, environment!.runtime],
    [[`greetings from ${place}/conda with ${place}/conda/share/greet`, 'rainfall.py'], 'conda', 'py-rattler 0.28.0'],
  )
})

test('a lock file of pixi is one too', bareLinux, async t => {
  const { attempt, executor, lock } = await open(t)
  const [url, md5] = lock
    .split('\n')
    .find(line => line.includes('greet'))!
    .split('#')
  const pixi = `version: 6
environments:
  default:
    channels: [{ url: ${new URL('/', url).href} }]
    packages: { linux-64: [{ conda: ${url} }] }
packages: [{ conda: ${url}, md5: ${md5} }]
`
  const environment = { conda: 'pixi.lock' }
  const one = await attempt({ run: 'greet | cut -c1-14', environment }, { files: { 'pixi.lock': pixi } })
  const bare = await attempt({ run: 'greet', environment }, { files: { 'pixi.lock': pixi.replace(/, md5: \w+/, '') } })

  await executor.execute(one)

  assert.deepEqual(
    [one.lines.at(-1), await executor.execute(bare).then(String, (error: Error) => error.message.split('\n').at(-1))],
    ['greetings from', '  greet-1.0-h0_0.tar.bz2 has no hash. Allowed: packages with `sha256` or `md5`.'],
  )
})

test('a package with another hash, or for another platform, is not installed', bareLinux, async t => {
  const { attempt, executor, lock } = await open(t)
  const said = async (text: string): Promise<string> => {
    const one = await attempt({ run: 'greet', environment: { conda: 'conda.lock' } }, { files: { 'conda.lock': text } })
    return executor.execute(one).then(String, (error: Error) => error.message)
  }

  const greet = lock.split('\n').find(line => line.includes('greet'))!

  assert.deepEqual(
    [await said(greet.replace(/#.*/, `#${'0'.repeat(32)}`)), await said(greet.replace('linux-64', 'osx-64'))].map(
      text =>
        text
          .slice(text.indexOf('Its last lines'))
          .replaceAll(/http\S+\/|\/tmp\S+/g, '')
          .replace(/got [0-9a-f]{32}, total size \d+/, 'got another')
          .replace(/expected 0+/, 'expected this'),
    ),
    [
      [
        'Its last lines:',
        'Installing 1 packages.',
        'failed to fetch greet-1.0-h0_0.tar.bz2',
        'Caused by: failed to interact with the package cache layer.',
        'Caused by: hash mismatch when extracting greet-1.0-h0_0.tar.bz2 to  expected this, got another bytes',
      ].join('\n  '),
      'Its last lines:\n  Line 1 is a package for osx-64. Allowed: linux-64 and noarch.',
    ],
  )
})
