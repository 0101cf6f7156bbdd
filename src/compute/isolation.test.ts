import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from '#kernel/config.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { LocalExecutorDeps } from './executor.ts'
import { createIsolation, isolationKind } from './isolation.ts'
import { composeBench, openBench, until } from './testing.ts'

test('a secret is masked in the log and in the error, also when it comes in pieces, overlaps another or never ends', async t => {
  const { attempt, executor } = await openBench(t)
  const one = await attempt(
    {
      run: `printf 'a hunt'; sleep 0.2; printf 'er22 b\n'; printf '%s\n' "$KEY"; printf 'swordfish, sword, swordf\n'; printf 'hunter'; exit 3`,
    },
    {
      secrets: { variables: { KEY: 'two\nlines' }, mask: ['hunter22', 'two\nlines', 'sword', 'swordfish'] },
    },
  )

  const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError

  const lines = ['a ••• b', '•••', '•••, •••, •••f', 'hunter']
  assert.equal(one.lines.concat('hunter').join('\n'), lines.join('\n'))
  assert.equal(
    error.message,
    `The task ended with exit code 3. Its last lines:\n${lines.map(line => `  ${line}`).join('\n')}`,
  )
})

test('a log that is full keeps its beginning and its end', async t => {
  const { attempt, executor, folder } = await openBench(t)
  const logFile = { path: join(folder, 'full.log'), bytesMax: 1_000 }

  await executor.execute(await attempt({ run: 'seq 1 100000' }, { logFile }))

  const text = await readFile(logFile.path, 'utf8')
  const [, leftOut] =
    /^1\n2\n[^]*… the log is full: (\d+) bytes are left out here …\n[^]*\n99999\n100000\n$/.exec(text) ?? []
  assert.ok(Number(leftOut) > 100_000 && text.length < 300_000, `${leftOut} left out of ${text.length}`)
})

const limited: readonly {
  what: string
  run: string
  limits: NonNullable<LocalExecutorDeps['limits']>
  kind: string
}[] = [
  {
    what: 'memory, with all that it has started',
    run: 'sleep 60 & exec node -e "globalThis.x = Buffer.alloc(4e8, 1); setTimeout(() => {}, 60_000)"',
    limits: { memoryBytes: 200 * 1024 ** 2 },
    kind: 'out_of_memory',
  },
  {
    what: 'the size of a file',
    run: 'exec head -c 3000000 /dev/zero > big',
    limits: { fileBytes: 1024 ** 2 },
    kind: 'out_of_disk',
  },
  {
    what: 'its folder, in many files',
    run: 'for i in 1 2 3 4 5 6 7 8; do head -c 500000 /dev/zero > "$TMPDIR/$i"; done; exec sleep 60',
    limits: { diskBytes: 2 * 1024 ** 2 },
    kind: 'out_of_disk',
  },
  {
    what: 'processes',
    run: 'for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; exec sleep 60',
    limits: { processes: 5 },
    kind: 'too_many_processes',
  },
  {
    what: 'threads',
    run: 'exec python3 -c "import threading, time; [threading.Thread(target=time.sleep, args=[60]).start() for _ in range(20)]"',
    limits: { processes: 10 },
    kind: 'too_many_processes',
  },
]
for (const { what, run, limits, kind } of limited)
  test(`a task that is over its limit is killed, and told why: ${what}`, async t => {
    const { attempt, executor } = await openBench(t, () => ({ limits }))
    const one = await attempt({ run })

    const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError

    assert.deepEqual([error.detail, one.recorded.exit?.cause], [{ cause: { kind } }, kind])
  })

test('a task within its limits is left alone: what it was given does not count, and of the cores it sees its own', async t => {
  const { attempt, executor, blobs } = await openBench(t, () => ({
    limits: { diskBytes: 2 * 1024 ** 2, processes: 5, cpus: 1 },
  }))
  const rows = await blobs.put('x'.repeat(4 * 1024 ** 2))
  const one = await attempt({ run: 'sleep 0.8 & sleep 0.8; nproc' }, { inputs: { rows } })

  await executor.execute(one)

  assert.deepEqual(one.lines, ['1'])
})

test('a cgroup that does not keep the limits is refused before a task begins', async t => {
  const { attempt, executor } = await openBench(t, folder => ({ limits: { processes: 5, cgroup: folder } }))
  const one = await attempt({ run: 'echo begun' })

  const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError

  assert.match(error.message, /^Tasks are to be limited by the cgroup \/.*, which does not work here\.$/)
  assert.match(String(error.detail['why']), /^ENOENT: .*pids\.max/)
  assert.deepEqual(one.lines, [])
})

test('bubblewrap shows a task the machine read-only, and of the platform its own folder alone', async t => {
  const { attempt, executor, blobs, folder } = await openBench(t, () => ({ isolation: 'bubblewrap' }))
  await mkdir(join(folder, 'data', 'private'), { recursive: true })
  const one = await attempt(
    {
      run: `ls ${folder}/data; ls -d /tmp/*/data; (echo x > /etc/trainyard) 2>/dev/null || echo refused; (echo x > "$TRAINYARD_INPUT_ROWS") 2>/dev/null || echo refused; cp "$TRAINYARD_INPUT_ROWS" "$TRAINYARD_OUTPUT_COPY"; echo $(ps -e 2>/dev/null | wc -l); sleep 0.1; kill -9 $$`,
      outputs: ['copy'],
    },
    { inputs: { rows: await blobs.put('rows') } },
  )

  const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError
  if (error.code === 'unavailable') return t.skip(error.message)

  assert.match(one.lines.join(' '), /^(environments )?work \/tmp\/trainyard-compute-\w+\/data refused refused \d\d?$/)
  assert.deepEqual(error.detail, { cause: { kind: 'signal', signal: 'SIGKILL' } })
})

test('what builds an environment sees of the platform the folder alone that it fills, and shares no cache', async t => {
  // Not below /tmp, of which nothing is seen at all.
  const folder = await mkdtemp('/var/tmp/trainyard-build-')
  t.after(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'bin')
  const { attempt, executor } = composeBench(folder, {
    isolation: 'bubblewrap',
    env: { PATH: `${path}:/usr/local/bin:/usr/bin:/bin`, HOME: folder, npm_config_cache: join(folder, 'cache') },
  })
  t.after(() => executor.stop())
  const why = await executor.isolationObstacle()
  if (why !== undefined) return t.skip(why)
  await mkdir(join(folder, 'data', 'private'), { recursive: true })
  await mkdir(path)
  const npm = `#!/bin/sh
    seen() { ls ${folder}/data; (echo x > ${folder}/stolen) 2>/dev/null || echo refused; echo "$npm_config_cache $TMPDIR"; }
    (seen; (touch ../other) 2>/dev/null || echo refused) > node_modules/seen; touch "$TMPDIR/x"`
  await writeFile(join(path, 'npm'), npm, { mode: 0o755 })
  const environment = { node: 'package-lock.json' }
  const files = { 'package.json': '{}', 'package-lock.json': '{}' }
  const one = await attempt({ run: 'cat node_modules/seen; ls -A node_modules/..', environment }, { files })

  await executor.execute(one)

  const built = join(folder, 'data', 'environments', one.recorded.environments![0]!.digest)
  const scratch = join(built, '.scratch')
  assert.deepEqual(one.lines.slice(2), [
    'environments',
    'refused',
    `${join(scratch, 'cache')} ${join(scratch, 'tmp')}`,
    'refused',
    '.complete',
    'node_modules',
    'package-lock.json',
    'package.json',
  ])
})

test('isolation holds for a server that runs as root too: its tasks cannot mount the machine again', async t => {
  const { attempt, executor } = await openBench(t, () => ({ isolation: 'bubblewrap' }))
  const why = await executor.isolationObstacle()
  if (why !== undefined) return t.skip(why)
  const one = await attempt({
    run: `(mount -o remount,rw,bind /; echo x > /etc/trainyard) 2>/dev/null || echo refused`,
  })

  await executor.execute(one)

  assert.deepEqual(one.lines, ['refused'])
})

test('a server that others reach isolates tasks by itself, one on loopback when it is told to', () => {
  const kindOf = (flags: Record<string, string>) => isolationKind(readConfig({}, flags))

  assert.deepEqual(
    [{ host: '0.0.0.0' }, { host: '::' }, {}, { host: '0.0.0.0', isolation: 'none' }, { isolation: 'bubblewrap' }].map(
      kindOf,
    ),
    ['auto', 'auto', 'none', 'none', 'bubblewrap'],
  )
})

test('where isolation is wanted and does not work it is said why, and tasks run only if that was left open', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-isolation-'))
  t.after(() => rm(folder, { recursive: true }))
  const parts = { path: folder, hidden: [], readable: [] }
  const [open, strict] = [
    createIsolation({ ...parts, kind: 'auto' }),
    createIsolation({ ...parts, kind: 'bubblewrap' }),
  ]

  assert.match((await open.obstacle())!, /bwrap ENOENT/)
  assert.deepEqual(await open.wrap(['true'], folder), { command: ['true'], isWrapped: false })
  await assert.rejects(strict.wrap(['true'], folder), { code: 'unavailable' })
})

test('a task that is isolated is asked to end, and may say its last word', async t => {
  const { attempt, executor } = await openBench(t, () => ({ isolation: 'auto', graceMs: 5_000 }))
  const controller = new AbortController()
  const one = await attempt(
    { run: `trap 'echo asked; exit 0' TERM; echo begun; while true; do sleep 0.02; done` },
    { signal: controller.signal },
  )
  const execution = executor.execute(one).catch((thrown: unknown) => thrown)
  await until(() => one.lines.includes('begun'))

  controller.abort(new TrainyardError('task_failed', 'The run was cancelled.', { cause: { kind: 'cancelled' } }))
  await execution

  assert.deepEqual([one.lines[0], one.lines.at(-1)], ['begun', 'asked'])
})
