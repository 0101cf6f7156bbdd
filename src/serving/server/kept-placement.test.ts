import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keptPlacement } from './kept-placement.ts'
import { placementOf, type Placement } from './placement.ts'

test('a model is measured once on a machine; again on another one, or when it was not to be measured', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-cost-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const costs: (number | undefined)[] = [undefined, 2, 0.1]
  const asked: (number | undefined)[] = []
  const place = (mayTurn = false) =>
    keptPlacement(folder, {
      async weigh(): Promise<Placement> {
        const rowMs = costs[asked.length]
        asked.push(rowMs)
        return rowMs === undefined ? { place: 'process', rowMs, why: 'it did not answer' } : placementOf(rowMs)
      },
      mayTurn: async () => mayTurn,
    })

  const found = [await place(), await place(), await place()]
  const file = join(folder, '.cost.json')
  const kept = JSON.parse(await readFile(file, 'utf8')) as { machine: string }
  await writeFile(file, JSON.stringify({ ...kept, machine: 'another' }))
  found.push(await place(true), await place())

  assert.deepEqual(
    { asked, places: found.map(({ place: where }) => where) },
    { asked: costs, places: ['process', 'thread', 'thread', 'process', 'process'] },
  )
})
