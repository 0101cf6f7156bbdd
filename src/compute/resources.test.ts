import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { wallClock } from '#kernel/clock.ts'
import { nvidiaGpus } from './gpu.ts'
import { createResourceMeter } from './resources.ts'
import { openBench } from './testing.ts'

const noGpus = { use: async () => undefined, names: async () => [] }

test('what a whole group uses is sampled while it runs, children that have ended included', async t => {
  const { attempt, executor } = await openBench(t)
  const busy = `const end = Date.now() + 700; while (Date.now() < end);`
  const one = await attempt(
    { run: `node busy.js; node busy.js & node busy.js; wait; sleep 0.4` },
    { files: { 'busy.js': `globalThis.kept = Buffer.alloc(80 << 20, 1); ${busy}` } },
  )

  await executor.execute(one)

  const { resources, exit, host, environments } = one.recorded
  const { use, series } = resources!
  assert.equal(resources!.measured, 'sampled')
  assert.ok(use!.cpuSeconds > 0.5 && use!.cpuSeconds < 6, `cpu ${use!.cpuSeconds}`)
  assert.ok(use!.peakRssBytes > 160 << 20 && use!.peakRssBytes < 800 << 20, `peak ${use!.peakRssBytes}`)
  const { peakProcesses = 0, peakThreads = 0 } = use!
  assert.ok(peakProcesses >= 3 && peakThreads > peakProcesses)
  const columns = Object.values(series!) as number[][]
  assert.deepEqual(new Set(columns.map(column => column.length)).size, 1)
  assert.ok(series!.at.length >= 5)
  assert.deepEqual(
    series!.cpuSeconds,
    series!.cpuSeconds.toSorted((a, b) => a - b),
  )
  assert.deepEqual(
    [exit?.code, exit?.cause, environments, host?.versions['node']],
    [0, 'succeeded', [], process.version],
  )
})

test('an attempt that fails, or is killed, says how it ended and what it had used', async t => {
  const { attempt, executor } = await openBench(t)
  const failing = await attempt({ run: 'sleep 0.3; exit 3' })
  const killed = await attempt({ run: 'sleep 0.3; kill -9 $$' })

  await assert.rejects(executor.execute(failing), { code: 'task_failed' })
  await assert.rejects(executor.execute(killed), { code: 'task_failed' })

  const said = ({ recorded: { exit, resources } }: typeof failing): unknown => [
    exit?.code,
    exit?.signal,
    exit?.cause,
    resources?.measured,
  ]
  assert.deepEqual(
    [said(failing), said(killed)],
    [
      [3, undefined, 'exit', 'sampled'],
      [undefined, 'SIGKILL', 'signal', 'sampled'],
    ],
  )
})

test('of a task that ends before anyone looks, the kernel knows what it used', async t => {
  const { attempt, executor } = await openBench(t)
  const brief = await attempt({ run: 'true' })

  await executor.execute(brief)

  const { measured, use } = brief.recorded.resources!
  // On a machine that is very busy somebody may have looked.
  assert.match(measured, /^(counted by the kernel|sampled)/)
  assert.ok(use!.peakRssBytes > 1 << 20 && use!.cpuSeconds < 0.5)
})

test('a long task has a bounded number of points', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const meter = createResourceMeter({ clock: { now: () => now as never }, gpus: noGpus })
  const child = spawn('sh', ['-c', 'sleep 20; true'], { detached: true, stdio: 'ignore' })
  t.after(() => process.kill(-child.pid!))
  let reports = 0
  const watch = meter.watch({ session: child.pid! }, () => (reports += 1))
  for (let tick = 0; tick < 3_000; tick++) {
    now += 1_000
    t.mock.timers.tick(100_000)
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
  }

  const { series } = watch.end()

  assert.ok(series!.at.length < 240 && series!.at.length >= 100, `${series!.at.length} points`)
  assert.ok(reports > 10)
})

test('elsewhere than on Linux it says that nothing was measured', () => {
  const meter = createResourceMeter({ clock: wallClock, gpus: noGpus, platform: 'darwin' })

  assert.deepEqual(meter.watch({ session: process.pid }, () => {}).end(), {
    measured: 'not measured: there is no /proc on darwin',
  })
})

test('GPUs are what nvidia-smi says of the processes, and none without it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-gpu-'))
  t.after(() => rm(folder, { recursive: true }))
  const program = `#!/bin/sh
case "$1" in
  *compute-apps*) echo "41, GPU-a, 1024"; echo "42, GPU-b, 512"; echo "99, GPU-b, [N/A]" ;;
  *) echo "GPU-a, NVIDIA H100, 30"; echo "GPU-b, NVIDIA H100, 75" ;;
esac
`
  await writeFile(join(folder, 'nvidia-smi'), program)
  await chmod(join(folder, 'nvidia-smi'), 0o755)
  const gpus = nvidiaGpus(`${folder}:/bin:/usr/bin`)

  assert.deepEqual(
    [
      await gpus.names(),
      await gpus.use(new Set([41, 42, 7])),
      await gpus.use(new Set([7])),
      await nvidiaGpus('/nowhere').use(new Set([41])),
    ],
    [['NVIDIA H100', 'NVIDIA H100'], { percent: 75, memoryBytes: 1_536 * 1024 ** 2 }, undefined, undefined],
  )
})
