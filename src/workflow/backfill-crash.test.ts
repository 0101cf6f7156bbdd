import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild, sharedEngines } from './crash-bed.ts'
import { testFolder } from './testing.ts'

const platform = (folder: string, database: string, owner: string, crashPoint?: string) =>
  runChild(new URL('backfill-crash-child.ts', import.meta.url), [folder, database, owner], crashPoint)

const runs = [1, 2, 3, 4, 5].map(minute => `1970-01-01T00:0${minute}:00.000Z succeeded`)

for (const [name, open] of Object.entries(sharedEngines))
  test(`${name}: killed in the middle of a back-fill, each instant has one run in the end, whoever goes on`, async t => {
    const folder = await testFolder(t)
    const database = await open(t, folder)

    const first = await platform(folder, database, 'one', 'workflow.backfill_moved:2')
    const others = name === 'sqlite' ? ['one'] : ['one', 'two']
    const next = await Promise.all(others.map(owner => platform(folder, database, owner)))

    assert.deepEqual(
      [first.signal, next.map(({ complaint, answer }) => [complaint, answer && JSON.parse(answer)])],
      ['SIGKILL', others.map(() => ['', runs])],
    )
  })
