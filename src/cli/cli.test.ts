import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { AddressInfo } from 'node:net'
import { loadProjectFolder, parseProjectFile } from '#project'
import { treeLines } from './commands/lineage.ts'
import { ago, table } from './output.ts'
import { createProgram } from './program.ts'
import { createChanges } from './follow-run.ts'
import { statusLines } from './run-status.ts'
import { workingTree } from './working-tree.ts'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'trainyard-cli-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

/** Runs a command line; answers what it wrote and how it failed. */
async function run(
  line: readonly string[],
  { cwd = tmpdir(), server = 'http://127.0.0.1:9' }: { cwd?: string; server?: string } = {},
) {
  const isJson = line.includes('--json')
  const out: string[] = []
  const err: string[] = []
  const program = createProgram({
    env: { TRAINYARD_SERVER: server },
    folder: cwd,
    signal: new AbortController().signal,
    isJson,
    stdout: text => out.push(text),
    stderr: text => err.push(text),
  })
  const failure = await program.parseAsync(line, { from: 'user' }).then(
    () => undefined,
    (error: { code: string; message: string }) => error,
  )
  return { out, err, failure: failure && { code: failure.code, message: failure.message } }
}

/** A server that answers one body to everything and remembers what was asked. */
async function answering(t: TestContext, status: number, body: unknown): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready))
  t.after(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

test('arguments that are wrong are told as JSON where JSON is asked for', async () => {
  const { err } = await run(['rollback', 'rain', '--json'])
  assert.deepEqual(JSON.parse(err.join('')), {
    code: 'invalid',
    message: "required option '--reason <text>' not specified",
  })
})

for (const template of ['rain', 'rain-python']) {
  test(`init makes a project from ${template} under its own name, and the project file is accepted`, async t => {
    const cwd = await folder(t)

    const { failure } = await run(['init', 'drizzle', '--template', template], { cwd })

    assert.equal(failure, undefined)
    const file = parseProjectFile(await loadProjectFolder(join(cwd, 'drizzle')))
    assert.deepEqual([file.name, Object.keys(file.deployments)], ['drizzle', ['drizzle']])
    assert.ok(!(await readdir(join(cwd, 'drizzle'))).includes('node_modules'))
  })
}

test('init overwrites nothing', async t => {
  const cwd = await folder(t)
  await writeFile(join(cwd, 'mine.txt'), 'mine')

  const { failure } = await run(['init', '.'], { cwd })

  assert.equal(failure?.code, 'conflict')
  assert.equal(await readFile(join(cwd, 'mine.txt'), 'utf8'), 'mine')
})

test('a folder that cannot name a project is refused with what is allowed', async t => {
  const { failure } = await run(['init', 'My_App'], { cwd: await folder(t) })

  assert.deepEqual(failure, {
    code: 'invalid',
    message:
      'The folder names the project.\n  folder = "My_App": lower-case letters, digits and dashes, starting with a letter',
  })
})

test('without a server the answer says how to start one', async () => {
  const { failure } = await run(['status'])

  assert.deepEqual(failure, {
    code: 'unavailable',
    message: 'No server answers at http://127.0.0.1:9. Start one with: trainyard start',
  })
})

test('what the server refuses reaches the user with its words', async t => {
  const { url } = await answering(t, 404, {
    type: '/errors/not_found',
    status: 404,
    title: 'There is no node of the lineage prd_9.',
  })

  const { failure } = await run(['lineage', 'prd_9'], { server: url })

  assert.deepEqual(failure, { code: 'not_found', message: 'There is no node of the lineage prd_9.' })
})

test('with --json the result is one JSON value and nothing else', async t => {
  const { url, asked } = await answering(t, 200, {
    items: [],
    attention: { approvals: 0, failedRuns: 0, openIncidents: 0 },
  })

  const { out, err } = await run(['status', '--json'], { server: url })

  assert.deepEqual(
    { out: out.map(line => JSON.parse(line)), err, asked },
    {
      out: [{ items: [], attention: { approvals: 0, failedRuns: 0, openIncidents: 0 }, begun: [] }],
      err: [],
      asked: ['GET /api/v1/loop', 'GET /api/v1/projects'],
    },
  )
})

test('a project need not be named while there is only one, with a project file or before any has one', async t => {
  const [rain, snow] = [{ name: 'rain' }, { name: 'snow' }]
  const answers = [
    { items: [rain], begun: ['vision'] },
    { items: [], begun: ['vision'] },
    { items: [rain, snow], begun: ['vision'] },
    { items: [], begun: [] },
  ]
  const told: unknown[] = []
  for (const answer of answers) {
    const { url, asked } = await answering(t, 200, answer)
    const { failure } = await run(['triggers', 'list', '--json'], { server: url })
    told.push(asked[1] ?? failure?.message)
  }

  assert.deepEqual(told, [
    'GET /api/v1/projects/rain/triggers',
    'GET /api/v1/projects/vision/triggers',
    'Which project is meant?\n  --project: rain, snow, vision',
    'Which project is meant?\n  --project: a project; there is none yet, make one with: trainyard init <folder>',
  ])
})

test('environments are listed with the newest first, and one is named by the beginning of its digest', async t => {
  const one = {
    digest: `ab1${'0'.repeat(61)}`,
    kind: 'python',
    lock: 'r.lock',
    state: 'ready',
    size: 2048,
    isInUse: false,
  }
  const items = [
    { ...one, lastUsedAt: Date.now() - 7_200_000 },
    { ...one, digest: `ab2${'0'.repeat(61)}`, lastUsedAt: Date.now(), isInUse: true },
  ]
  const { url, asked } = await answering(t, 200, { items, ...items[0] })

  const { out } = await run(['environments', 'list'], { server: url })
  const removed = await run(['environments', 'remove', 'ab1'], { server: url })
  const doubtful = await run(['environments', 'remove', 'ab'], { server: url })

  assert.deepEqual(
    [...out, ...removed.out, doubtful.failure],
    [
      'environment   kind    lock file  state  size     last used',
      'ab2000000000  python  r.lock     ready  2.0 KiB  now',
      'ab1000000000  python  r.lock     ready  2.0 KiB  2h ago',
      'ab1000000000 of r.lock is removed.',
      '2.0 KiB are freed.',
      { code: 'conflict', message: '2 environments begin with ab: say more of the name.' },
    ],
  )
  assert.equal(asked[2], `DELETE /api/v1/environments/${one.digest}`)
})

test('a command that was mistyped is answered with the nearest', async () => {
  const { err, failure } = await run(['statu'])

  assert.equal(failure?.code, 'commander.unknownCommand')
  assert.match(err.join('\n'), /Did you mean status\?/)
})

test('a lineage is a tree in which what was shown before is only named', () => {
  const lineage = {
    root: 'm',
    nodes: [
      { id: 'm', kind: 'model_version', label: 'v1' },
      { id: 'r', kind: 'run', label: 'training' },
      { id: 'd', kind: 'dataset_version', label: 'weather v1' },
    ],
    edges: [
      { from: 'm', to: 'r', relation: 'made_by' },
      { from: 'r', to: 'd', relation: 'read' },
      { from: 'm', to: 'd', relation: 'trained_on' },
    ],
  }

  assert.deepEqual(treeLines(lineage, false), [
    'model_version v1 (m)',
    '  made by: run training (r)',
    '    read: dataset_version weather v1 (d)',
    '  trained on: dataset_version weather v1 (d) ↑',
  ])
})

test('downwards each line says what became of the one above it', () => {
  const lineage = {
    root: 'd',
    nodes: [
      { id: 'd', kind: 'dataset_version', label: 'weather v1' },
      { id: 'r', kind: 'run', label: 'training', facts: { purged: 1_700_000_000_000 } },
      { id: 'm', kind: 'model_version', label: 'v1' },
    ],
    edges: [
      { from: 'r', to: 'd', relation: 'read' },
      { from: 'm', to: 'r', relation: 'made_by' },
      { from: 'm', to: 'd', relation: 'likes' },
    ],
  }

  assert.deepEqual(treeLines(lineage, true), [
    'dataset_version weather v1 (d)',
    '  read by: run training (r), gone since 2023-11-14T22:13:20.000Z',
    '    made: model_version v1 (m)',
    '  (likes it): model_version v1 (m) ↑',
  ])
})

test('a run is followed by its tasks, and one of thousands by their numbers', () => {
  const small = createChanges()
  const large = createChanges()
  const run = { id: 'run_1', state: 'running' }
  const a = { name: 'a', state: 'running', startedAt: 1_000 }
  const b = { name: 'b', state: 'blocked' }

  const told = [
    small({ run: { ...run, behind: 'run_0' }, states: {}, tasks: { items: [b] } }),
    small({ run, states: {}, tasks: { items: [a, b] } }),
    small({ run, states: {}, tasks: { items: [a, b] } }),
    small({ run, states: {}, tasks: { items: [{ ...a, state: 'failed', endedAt: 3_500, error: 'no\nmore' }, b] } }),
    small({ run, states: {}, tasks: { items: [{ name: 'sign-off', kind: 'approval', state: 'waiting' }] } }),
    small({
      run,
      states: {},
      tasks: { items: [{ name: 'each', state: 'succeeded', items: { succeeded: 3, failed: 1 } }] },
    }),
    large({ run, states: { running: 64, succeeded: 900 }, tasks: { items: [a], next: 'tsk_1' } }),
    large({ run, states: { running: 64, succeeded: 900 }, tasks: { items: [b], next: 'tsk_1' } }),
  ]

  assert.deepEqual(told, [
    ['  held: behind run run_0'],
    ['  a                running'],
    [],
    ['  a                failed 2.50 s: no'],
    ['  sign-off         waiting: trainyard approve run_1 sign-off'],
    ['  each             succeeded: 3 succeeded, 1 failed'],
    ['  64 running, 900 succeeded'],
    [],
  ])
})

test('a run is told with what each task used and how it ended', () => {
  const status = {
    states: { failed: 1, skipped: 1, succeeded: 1 },
    run: { id: 'run_1', pipeline: 'training', state: 'failed', error: 'Task b: no', cause: { reason: 'By hand.' } },
    tasks: [
      {
        task: { id: 'tsk_1', name: 'a', kind: 'run', state: 'failed', attempt: 2, startedAt: 1_000, endedAt: 3_500 },
        attempts: [
          {
            number: 2,
            state: 'failed',
            record: {
              code: { commit: 'c'.repeat(40), diff: 'd'.repeat(64) },
              host: { name: 'vm', cpus: 2, memoryBytes: 24 * 1024 ** 3 },
              environments: [{ lock: 'requirements.lock', digest: 'e'.repeat(64) }],
              exit: { code: 3, cause: 'exit' },
              resources: {
                measured: 'sampled',
                use: { cpuSeconds: 1.94, peakRssBytes: 300 * 1024 ** 2, readBytes: 0, writtenBytes: 1024 ** 2 },
              },
            },
          },
        ],
      },
      { task: { id: 'tsk_2', name: 'b', kind: 'data.ingest', state: 'skipped', attempt: 0 }, attempts: [] },
      {
        task: {
          id: 'tsk_3',
          name: 'short',
          kind: 'run',
          state: 'succeeded',
          attempt: 1,
          startedAt: 1_000,
          endedAt: 1_030,
        },
        attempts: [
          {
            number: 1,
            state: 'succeeded',
            record: {
              exit: { code: 0, cause: 'exit' },
              resources: {
                measured: 'it ended before it was looked at',
                use: { cpuSeconds: 0.01, peakRssBytes: 7 * 1024 ** 2 },
              },
            },
          },
        ],
      },
    ],
  }

  assert.deepEqual(statusLines(status), [
    'run_1  training  failed',
    'because: By hand.',
    'commit: cccccccccccc with changes, diff dddddddddddd',
    'host: vm, 2 cores, 24.0 GiB',
    '',
    'task   state      attempt  took   cpu    peak memory  read     written  end     environment',
    'a      failed     2        2.5 s  1.9 s  300.0 MiB    0.0 MiB  1.0 MiB  exit 3  requirements.lock eeeeeeeeeeee',
    'b      skipped    0',
    'short  succeeded  1        0.0 s  0.0 s  7.0 MiB                        exit 0',
    '',
    'Task b: no',
  ])
})

test('a working tree is its commit and a diff with what git does not know yet, and its index stays as it was', async t => {
  const place = await folder(t)
  const outside = await workingTree(place)
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: place, encoding: 'utf8' })
  git('init', '--quiet')
  git('config', 'user.email', 'a@b.c')
  git('config', 'user.name', 'a')
  await writeFile(join(place, 'a.txt'), 'one\n')
  await writeFile(join(place, '.gitignore'), 'ignored.txt\n')
  git('add', '.')
  git('commit', '--quiet', '-m', 'first')
  const clean = await workingTree(place)
  await writeFile(join(place, 'a.txt'), 'two\n')
  await writeFile(join(place, 'new.txt'), 'new\n')
  await writeFile(join(place, 'ignored.txt'), 'no\n')

  const dirty = await workingTree(place)

  const commit = git('rev-parse', 'HEAD').trim()
  const files = [...dirty!.diff.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, file]) => file)
  assert.deepEqual(
    [outside, clean, dirty?.commit, files, git('status', '--porcelain')],
    [undefined, { commit, diff: '' }, commit, ['a.txt', 'new.txt'], ' M a.txt\n?? new.txt\n'],
  )
})

test('columns are as wide as their widest cell', () => {
  assert.deepEqual(
    table(
      ['a', 'bb'],
      [
        ['long', 'x'],
        ['y', ''],
      ],
    ),
    ['a     bb', 'long  x', 'y'],
  )
})

test('ages are told in the largest unit that fits', () => {
  assert.deepEqual(
    [0, 59_000, 60_000, 3_600_000, 90_000_000].map(age => ago(0, age)),
    ['0s ago', '59s ago', '1m ago', '1h ago', '1d ago'],
  )
})
