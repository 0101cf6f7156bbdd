import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testEngines } from './testing.ts'
import { usageMigrations } from './usage-tables.ts'
import { sqlUsage } from './usage.sql.ts'

for (const engine of testEngines())
  test(`${engine.name}: sums follow what owners have, and a repeat changes nothing`, async t => {
    const usage = sqlUsage(await engine.open(t, usageMigrations))
    const held = (owner: string, bytes: number, project = 'rain') => ({
      project,
      kind: 'logs',
      owner,
      files: 1,
      bytes,
    })

    await usage.put([held('a', 5), held('b', 7), held('a', 1, 'snow')])
    await usage.put([held('a', 5)])
    await usage.put([held('b', 2)])

    assert.deepEqual(await usage.totals(), [
      { project: 'rain', kind: 'logs', files: 2, bytes: 7 },
      { project: 'snow', kind: 'logs', files: 1, bytes: 1 },
    ])
  })
