import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import { openBench, until } from './testing.ts'

const files = {
  'package.json': '{ "name": "rain", "type": "module" }',
  'package-lock.json': '{ "lockfileVersion": 3 }',
}
const node = 'package-lock.json'

/** An npm of the test's own: the registry is not what is tested. It notes each build, takes a while, and installs one module. */
const npm = (folder: string): string => `#!/bin/sh
echo "$@ [$SECRET] [$npm_config_registry] $(ls)" | tr '\\n' ' ' >> ${folder}/builds; echo >> ${folder}/builds
echo "installing"; sleep 0.2
test -e ${folder}/broken && { echo "no such version" >&2; exit 1; }
mkdir -p node_modules/hello node_modules/.bin
echo '{ "name": "hello", "type": "module", "exports": "./index.js" }' > node_modules/hello/package.json
echo 'export const hello = "hello"' > node_modules/hello/index.js
printf '#!/bin/sh\\necho greetings\\n' > node_modules/.bin/greet; chmod +x node_modules/.bin/greet
`

async function open(t: TestContext) {
  const bench = await openBench(t, folder => ({
    env: {
      PATH: `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`,
      SECRET: 'hidden',
      npm_config_registry: 'https://registry.example',
      npm_config_local_prefix: '/elsewhere',
    },
  }))
  const bin = join(bench.folder, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'npm'), npm(bench.folder), { mode: 0o755 })
  const builds = async (): Promise<string[]> =>
    (await readFile(join(bench.folder, 'builds'), 'utf8'))
      .trim()
      .split('\n')
      .map(line => line.trim())
  return { ...bench, builds }
}

test('an environment is built once for its lock file, whoever asks and however many at once', async t => {
  const { attempt, executor, builds } = await open(t)
  const code = 'import { hello } from "hello"; export const say = ({ log }) => log(hello)'
  const attempts = await Promise.all(
    [1, 2, 3].map(() =>
      attempt({ function: 'a.js#say', environment: { node } }, { files: { ...files, 'a.js': code } }),
    ),
  )

  const executions = await Promise.all(attempts.slice(0, 2).map(executor.execute))
  executions.push(await executor.execute(attempts[2]!))

  assert.deepEqual(await builds(), [
    'ci --ignore-scripts --no-audit --no-fund --prefix . [] [https://registry.example] node_modules package-lock.json package.json',
  ])
  assert.deepEqual(
    attempts.map(({ lines }) => [lines.includes('installing'), lines.at(-1)]),
    [
      [true, 'hello'],
      [true, 'hello'],
      [false, 'hello'],
    ],
  )
  assert.equal(new Set(executions.map(({ facts }) => facts['environment'])).size, 1)
})

test('another lock file is another environment', async t => {
  const { attempt, executor, builds } = await open(t)
  for (const lock of ['{ "lockfileVersion": 3 }', '{ "lockfileVersion": 4 }'])
    await executor.execute(
      await attempt({ run: 'greet', environment: { node } }, { files: { ...files, 'package-lock.json': lock } }),
    )

  assert.equal((await builds()).length, 2)
})

test('a build that fails says why, and is begun anew the next time', async t => {
  const { attempt, executor, folder, builds } = await open(t)
  const one = await attempt({ run: 'greet', environment: { node } }, { files })
  await writeFile(join(folder, 'broken'), '')
  const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError
  await rm(join(folder, 'broken'))

  await executor.execute(one)

  assert.deepEqual(
    [error.message, error.detail, (await builds()).length, one.lines.at(-1)],
    [
      'The environment of package-lock.json cannot be built: npm ended with exit code 1. Its last lines:\n  installing\n  no such version',
      { cause: { kind: 'environment', code: 1 } },
      2,
      'greetings',
    ],
  )
})

test('one who stops waiting does not stop the build for the others', async t => {
  const { attempt, executor, builds } = await open(t)
  const controller = new AbortController()
  const [first, second] = [
    await attempt({ run: 'greet', environment: { node } }, { files, signal: controller.signal }),
    await attempt({ run: 'greet', environment: { node } }, { files }),
  ]
  const stopped = executor.execute(first).catch((thrown: unknown) => thrown)
  const other = executor.execute(second)
  await until(() => second.lines.includes('installing'))

  controller.abort(new TrainyardError('task_failed', 'The run was cancelled.', { cause: { kind: 'cancelled' } }))

  assert.equal(((await stopped) as Error).message, 'The run was cancelled.')
  await other
  assert.deepEqual([second.lines.at(-1), (await builds()).length], ['greetings', 1])
})

test('a lock file that the code does not have is named', async t => {
  const { attempt, executor } = await open(t)

  const error = (await executor
    .execute(await attempt({ run: 'true', environment: { python: 'requirements.lock' } }))
    .catch((thrown: unknown) => thrown)) as TrainyardError

  assert.deepEqual(
    [error.code, error.detail['problems']],
    [
      'invalid',
      [
        {
          field: 'environment.python',
          value: 'requirements.lock',
          allowed: 'a lock file of the repository, with what belongs to it; there is no requirements.lock',
        },
      ],
    ],
  )
})
