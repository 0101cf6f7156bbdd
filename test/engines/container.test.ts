import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { executorContract } from '../../src/compute/executor.contract.ts'
import { killMarked } from '../../src/compute/processes.ts'
import { composeBench } from '../../src/compute/testing.ts'
import { whereIs } from './programs.ts'

/** Tasks in containers of a real podman, in an image of nothing but busybox. */

const run = promisify(execFile)
const programs = ['podman', 'runc', 'catatonit', 'busybox']

function whatIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'podman is configured as for root, which this user is not'
  const missing = programs.find(name => whereIs(name) === undefined)
  return missing && `there is no ${missing}: apt-get install podman runc catatonit busybox-static`
}

/** What machines without systemd and without the right to raise limits need. */
const settings = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
`
const commands = 'sh cat echo env id kill printf seq sleep tr true wc'.split(' ')

/** An image by its digest. */
async function makeImage(folder: string, env: Readonly<Record<string, string>>): Promise<string> {
  const bin = join(folder, 'image', 'bin')
  await mkdir(bin, { recursive: true })
  await copyFile(whereIs('busybox')!, join(bin, 'busybox'))
  for (const name of commands) await symlink('busybox', join(bin, name))
  const tar = join(folder, 'image.tar')
  await run('tar', ['-C', join(folder, 'image'), '-cf', tar, '.'])
  const name = `localhost/trainyard-test-${basename(folder).toLowerCase()}`
  await run('podman', ['import', tar, `${name}:1`], { env })
  const { stdout } = await run('podman', ['image', 'inspect', '--format', '{{.Digest}}', `${name}:1`], { env })
  return `${name}@${stdout.trim()}`
}

/** An image, and a way to open an executor that runs tasks in it. */
async function openContainers() {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-containers-'))
  const file = join(folder, 'containers.conf')
  await writeFile(file, settings)
  const { PATH = '', HOME = '' } = process.env // oxlint-disable-line node/no-process-env -- where podman and its images are
  const env = { PATH, HOME, CONTAINERS_CONF: file }
  const image = await makeImage(folder, env)
  return {
    image,
    open: () => composeBench(folder, { graceMs: 1_000, env }),
    async remove() {
      // With what is left of its containers.
      await run('podman', ['rmi', '--force', image], { env })
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const missing = whatIsMissing()
if (missing) test('containers', { skip: missing }, () => {})
else {
  test('what a task uses in its container is measured, and not what the engine uses', async t => {
    const { image, open, remove } = await openContainers()
    const bench = open()
    t.after(async () => {
      bench.executor.stop()
      await remove()
    })
    const count = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'
    const one = await bench.attempt({ image, run: `(${count}) & ${count}; wait; sleep 0.5` })

    await bench.executor.execute(one)

    const { measured, use, series } = one.recorded.resources!
    assert.equal(measured, 'sampled')
    assert.ok(use!.cpuSeconds > 0.2, `cpu ${use!.cpuSeconds}`)
    // A program such as podman holds tens of MiB.
    assert.ok(use!.peakRssBytes > 0 && use!.peakRssBytes < 12 << 20, `peak ${use!.peakRssBytes}`)
    assert.ok(use!.peakProcesses! >= 3, `processes ${use!.peakProcesses}`)
    assert.ok(series!.at.length > 2 && Math.max(...series!.processes) === use!.peakProcesses)
  })
  executorContract('local, in containers', async () => {
    const { image, open, remove } = await openContainers()
    let bench = open()
    after(async () => {
      bench.executor.stop()
      await remove()
    })
    return {
      blobs: bench.blobs,
      get checkpoints() {
        return bench.checkpoints
      },
      attempt: (spec, more) => bench.attempt({ image, ...spec }, more),
      executor: () => bench.executor,
      async restart(between) {
        bench.executor.stop()
        await between?.()
        bench = open()
      },
      async loseNode({ id, handles }) {
        process.kill((handles.at(-1) as { process: { pid: number } }).process.pid, 'SIGKILL')
        await killMarked('TRAINYARD_ATTEMPT', new Set([id]))
      },
      isHere: true,
    }
  })
}
