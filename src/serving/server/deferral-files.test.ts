import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { newId } from '#kernel/id.ts'
import { processTicks } from '../process-ticks.ts'
import { deferralFiles } from './deferral-files.ts'

test('a request is known at every moment while another process takes it over', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-deferrals-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  // No process has these ticks; folders are looked at in the order of their names, and this one's comes last.
  const dead = deferralFiles(folder, { pid: process.pid, ticks: 9_999_999_999 })
  const alive = deferralFiles(folder, { pid: process.pid, ticks: processTicks(process.pid)! })
  const caller = { name: '', client: '' }
  const request = { deployment: 'rain', caller, path: '/', headers: {}, body: '', acceptedAt: 0 }
  const ids = Array.from({ length: 300 }, () => newId('req'))
  await Promise.all(ids.map(id => dead.accept({ ...request, id })))

  let isTaken = false
  const taking = alive.adopt().finally(() => (isTaken = true))
  const unknown = new Set<string>()
  while (!isTaken) await Promise.all(ids.map(async id => (await alive.isWaiting(id)) || unknown.add(id)))

  assert.deepEqual([unknown.size, (await taking).length], [0, ids.length])
})
