import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { openField, until, type Field } from './field.ts'
import { allWell, outcomeOf } from './outcome.ts'
import { openCluster } from './postgres.ts'

const run = promisify(execFile)

const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
/** A process whose wall clock is wrong, and whose monotonic clock is right [package faketime]. */
const skewed = (by: string): Readonly<Record<string, string>> => ({
  LD_PRELOAD: faketime,
  FAKETIME: by,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
})

test(
  'two servers whose clocks are twenty minutes apart take nothing from each other',
  { timeout: 200_000 },
  async t => {
    const cluster = await openCluster(t)
    if (!cluster) return t.skip('PostgreSQL is not installed.')
    const year = await run(process.execPath, ['-p', 'new Date().getFullYear()'], { env: skewed('+900d') }).catch(
      () => undefined,
    )
    if (Number(year?.stdout) <= new Date().getFullYear()) return t.skip('There is no libfaketime here.')
    const url = await cluster.database('skew')
    const field = await openField(t, () => url)
    const before = Date.now()
    await Promise.all([field.replica('fast', skewed('+600s')), field.replica('slow', skewed('-600s'))])

    const runs = [await field.start(3, 0.1), await field.start(3, 0.1), await field.start(3, 0.1)]

    assert.deepEqual(await outcomeOf(field, runs), allWell)
    const tasks = (await Promise.all(runs.map(id => field.workflow.tasks(id)))).flat()
    const wrong = tasks.filter(
      ({ startedAt = 0, endedAt = 0 }) => startedAt < before - 2_000 || endedAt > Date.now() + 2_000,
    )
    assert.deepEqual(wrong, [])
  },
)

test('a database that stands still for longer than every lease costs no attempt', { timeout: 200_000 }, async t => {
  const cluster = await openCluster(t)
  if (!cluster) return t.skip('PostgreSQL is not installed.')
  const url = await cluster.database('pause')
  const field = await openField(t, () => url)
  await Promise.all(['one', 'two'].map(name => field.replica(name)))
  const runs = [await field.start(2, 0.1), await field.start(11, 0.1)]
  await until('tasks run', async () => (await field.processes()).tasks.length > 1)

  await cluster.pause(10_000)

  assert.deepEqual(await outcomeOf(field, runs), allWell)
})

const mib = 1024 ** 2

/** Calls with the folder of a disk of so many MiB; answers false where this process may not make one. */
async function onSmallDisk(size: number, work: (folder: string) => Promise<void>): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-disk-'))
  const options = ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', folder]
  try {
    const isMounted = await run('mount', options).catch(() => undefined)
    if (!isMounted) return false
    await work(folder).finally(() => run('umount', ['-l', folder]))
    return true
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Writes until nothing more fits. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (let bytes = mib; bytes >= 512;)
      await file.write(Buffer.alloc(bytes, 1)).catch(() => {
        bytes /= 2
      })
  } finally {
    await file.close()
  }
}

test(
  'a disk that is full loses nothing that was accepted, and ends no server; with room again all goes on',
  { timeout: 200_000 },
  async t => {
    // In a test of its own, so that all that uses the disk is ended before the disk is taken away.
    const wasMade = await onSmallDisk(48, disk => t.test('on 48 MiB', inner => fullDisk(inner, disk)))
    if (!wasMade) t.skip('A disk of its own cannot be mounted here.')
  },
)

test(
  'a disk that PostgreSQL finds full loses nothing that was accepted, and ends no server',
  { timeout: 200_000 },
  async t => {
    const wasMade = await onSmallDisk(128, async disk => {
      await t.test('on 128 MiB', async inner => {
        const cluster = await openCluster(inner, disk)
        if (!cluster) return inner.skip('PostgreSQL is not installed.')
        const url = await cluster.database('brimful')
        await whileFull(await openField(inner, () => url), disk)
      })
    })
    if (!wasMade) t.skip('A disk of its own cannot be mounted here.')
  },
)

const fullDisk = async (t: TestContext, disk: string): Promise<void> =>
  whileFull(await openField(t, shared => `sqlite:${join(shared, 'state.db')}`, disk), disk)

async function whileFull(field: Field, disk: string): Promise<void> {
  const { child } = await field.replica('one')
  const runs = [await field.start(1, 0.1), await field.start(3, 0.1)]
  const said = async (what: string): Promise<number> =>
    (await field.oracle()).filter(({ word }) => word === what).length
  await until('both first tasks run', async () => (await said('start')) >= 2)

  await fill(join(disk, 'filler'))
  let refused: Error | undefined
  for (let count = 0; count < 200 && !refused; count++)
    await field.start(0.1).then(
      id => void runs.push(id),
      (error: Error) => {
        refused = error
      },
    )
  await until('both first tasks have ended', async () => (await said('end')) >= 2)
  const isAlive = child.exitCode === null && child.signalCode === null
  await rm(join(disk, 'filler'))

  const { states, disagreements: wrong } = await outcomeOf(field, runs)
  assert.deepEqual(
    [isAlive, refused?.message, states, wrong],
    [true, 'The disk that the database is on is full.', ['succeeded'], []],
  )
}
