import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { encodeSpec, lastWord, type Limits } from './shim.ts'

/**
 * The shim under a Linux of its own, whose cgroups nobody else has: User-mode Linux [package user-mode-linux], a kernel
 * that is a process and takes its files from here.
 */

const shim = fileURLToPath(new URL('shim/shim.py', import.meta.url))
const bootMs = 60_000

const python = (text: string): readonly string[] => ['/usr/bin/python3', '-I', '-S', '-c', text]
const cases: Readonly<Record<string, { command: readonly string[]; limits: Limits }>> = {
  memory: { command: python('x = bytearray(120 << 20)'), limits: { memoryBytes: 60 << 20 } },
  processes: {
    command: python(
      'import os\nfor _ in range(20):\n  if os.fork() == 0: os.setsid(); os.execl("/bin/sleep", "sleep", "60")',
    ),
    limits: { processes: 8 },
  },
  cpus: {
    command: python('import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass'),
    limits: { cpus: 0.25 },
  },
  // Of another session, and without the mark.
  left: {
    command: ['/bin/sh', '-c', 'env -i setsid /bin/sleep 60 & sleep 0.2'],
    limits: { processes: 50, memoryBytes: 200 << 20, cpus: 2 },
  },
}

test('in a cgroup the kernel keeps the limits, and nothing of the task is left, wherever it went', async t => {
  const linux = await promisify(execFile)('which', ['linux.uml']).catch(() => undefined)
  if (!linux) return t.skip('There is no linux.uml here.')
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-cgroup-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, { command, limits }] of Object.entries(cases)) {
    const root = join(folder, name)
    await mkdir(root)
    const spec = encodeSpec({
      folder: root,
      log: join(root, 'log'),
      logMax: 100_000,
      cwd: root,
      command,
      env: { PATH: '/usr/bin:/bin', M: name },
      mark: `M=${name}`,
      mask: [],
      graceMs: 100,
      timeoutMs: 30_000,
      isWrapped: false,
      limits: { ...limits, cgroup: '/sys/fs/cgroup/tasks' },
    })
    await writeFile(join(root, 'spec'), spec)
  }
  await writeFile(join(folder, 'init.sh'), init(folder), { mode: 0o755 })

  const hostfs = ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', 'mem=512M', 'quiet']
  await promisify(execFile)(
    'linux.uml',
    [...hostfs, `init=${join(folder, 'init.sh')}`, 'con=null', `uml_dir=${folder}`],
    {
      timeout: bootMs,
    },
  ).catch(() => {})

  const ends = await Promise.all(Object.keys(cases).map(name => lastWord(join(folder, name))))
  const log = (name: string): Promise<string> => readFile(join(folder, name, 'log'), 'utf8')
  assert.deepEqual(
    ends.map(end => [end?.cause, end?.code, end?.signal]),
    [
      ['out_of_memory', null, 'SIGKILL'],
      ['too_many_processes', 1, null],
      ['succeeded', 0, null],
      ['succeeded', 0, null],
    ],
    await log('memory'),
  )
  assert.match(await log('processes'), /BlockingIOError/)
  const share = ends[2]!.cpuSeconds / ends[2]!.seconds
  assert.ok(share < 0.4, `it had ${share} of a core`)
  assert.equal(await readFile(join(folder, 'left-over'), 'utf8'), 'sleeping: 0\n')
})

const init = (folder: string): string => `#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t cgroup2 none /sys/fs/cgroup
echo '+pids +cpu +memory' > /sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/tasks; echo '+pids +cpu +memory' > /sys/fs/cgroup/tasks/cgroup.subtree_control
for name in ${Object.keys(cases).join(' ')}; do
  /usr/bin/python3 -I -S ${shim} < ${folder}/$name/spec 2> ${folder}/$name/errors
done
{ ls -d /sys/fs/cgroup/tasks/trainyard-* 2>/dev/null; echo "sleeping: $(pgrep -c sleep)"; } > ${folder}/left-over
echo o > /proc/sysrq-trigger; sleep 60
`
