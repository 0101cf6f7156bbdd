import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { testEngines } from '#storage/testing.ts'
import { migrations } from './migrations.ts'
import { createTableExport } from './table-export.ts'

for (const engine of testEngines()) {
  test(`every table of the platform can be read on ${engine.name}, and no secret`, async t => {
    const tableExport = createTableExport(await engine.open(t, migrations))
    const tables = await tableExport.tables()
    assert.ok(tables.length > 50)
    for (const { name, columns } of tables) {
      assert.ok(
        columns.some(({ key }) => key === 1),
        `${name} has no primary key`,
      )
      assert.deepEqual(
        columns.filter(column => /password|secret|hash|private/.test(column.name)),
        [],
        name,
      )
      const { items } = await tableExport.page(name, { limit: 2 })
      assert.ok(
        items.every(row => row.length === columns.length),
        name,
      )
    }
  })

  test(`the pages of a table hold each row once on ${engine.name}`, async t => {
    const db = await engine.open(t, migrations)
    const tableExport = createTableExport(db)
    for (let index = 0; index < 25; index++)
      await sql`insert into edge (downstream, upstream, relation) values (${index % 5}, ${index}, 'made_by')`.execute(
        db,
      )
    const rows: string[] = []
    let after: string | undefined
    do {
      const page = await tableExport.page('edge', { limit: 4, after })
      rows.push(...page.items.map(row => row.join(' ')))
      after = page.next
    } while (after !== undefined)
    const expected = Array.from({ length: 25 }, (_, index) => `${index % 5} ${index} made_by`)
    assert.equal(rows.length, 25)
    assert.deepEqual(new Set(rows), new Set(expected))
    await assert.rejects(tableExport.page('edge; drop table edge', { limit: 1 }), { code: 'not_found' })
    await assert.rejects(tableExport.page('edge', { limit: 1, after: 'x' }), { code: 'invalid' })
  })

  if (engine.name === 'postgres')
    test('arrays are exported as PostgreSQL writes them, to the last bit', async t => {
      const db = await engine.open(t, migrations)
      await sql`insert into tracking_chunk (run, key, from_at, to_at, from_step, to_step, timestamps, steps, values)
        values (1, 2, 3, 4, 5, 6, '{3,4}', '{5,9223372036854775807}', '{0.1,NaN}')`.execute(db)

      const { items } = await createTableExport(db).page('tracking_chunk', { limit: 2 })

      assert.deepEqual(items, [[1, 2, 3, 4, 5, 6, '{3,4}', '{5,9223372036854775807}', '{0.1,NaN}', 1]])
    })
}
