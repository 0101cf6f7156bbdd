import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { metadataMigrations } from '#metadata'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { trackingMigrations } from './tables.ts'

for (const engine of testEngines())
  test(`${engine.name}: experiments and their runs stay what they are when names become those of projects`, async t => {
    const steps = [...metadataMigrations, ...trackingMigrations]
    const last = steps.findIndex(({ name }) => name === 'tracking-004')
    const db = await engine.open(t, steps.slice(0, last))
    const experiment = (id: number, project: string) =>
      sql`insert into tracking_experiment values (${id}, ${project}, 'e', '', 'active', 1, 1, null)`.execute(db)
    await experiment(1, 'rain')
    await sql`insert into tracking_experiment_tag values (1, 'k', 'v')`.execute(db)

    await migrate(db, steps)
    await experiment(2, 'snow')

    const { rows } = await sql<{ id: number }>`select id from tracking_experiment order by id`.execute(db)
    assert.deepEqual(
      rows.map(({ id }) => id),
      [0, 1, 2],
    )
    await assert.rejects(experiment(3, 'rain'))
    await assert.rejects(sql`delete from tracking_experiment where id = 1`.execute(db), 'its tag still refers to it')
  })
