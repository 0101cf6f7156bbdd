import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { testEngines } from '#storage/testing.ts'
import { sqlSealedColumn } from './sealed-column.sql.ts'
import { secretMigrations } from './tables.ts'
import { testVault } from './testing.ts'

type Door = { project: string; name: string }
type Kept = Door & { secret: string | null; sealed: string | null }

const migrations = [
  ...secretMigrations,
  {
    name: 'door-001',
    statements: [
      `create table door (project text, name text, secret text, sealed text, primary key (project, name))`,
      `insert into door values ('rain', 'front', 'open sesame', null), ('rain', 'back', null, null), ('snow', 'front', 'please', null)`,
    ],
  },
]
const placeOf = ({ project, name }: Door) => ({ project, name: `door/${name}` })

for (const { name: engine, open } of testEngines())
  test(`${engine}: secrets of before the vault are sealed, and sealed ones anew, without becoming others`, async t => {
    const db = await open(t, migrations)
    const vault = testVault(db)
    const column = sqlSealedColumn<Door>(db, vault, { table: 'door', key: ['project', 'name'], placeOf })
    const rows = async () =>
      (await sql<Kept>`select * from door order by project, name`.execute(db)).rows.map(row => ({ ...row }))

    assert.deepEqual([await column.sealPlain(), await column.sealPlain()], [2, 0])
    const [back, front, other] = await rows()
    const renewed = await column.reseal(async (sealed, { project }) =>
      project === 'rain' ? vault.seal(await vault.open(sealed, placeOf(front!)), placeOf(front!)) : undefined,
    )
    const [, anew, same] = await rows()

    assert.deepEqual(back, { project: 'rain', name: 'back', secret: null, sealed: null })
    for (const row of [front, other]) {
      assert.equal(row!.secret, null)
      assert.match(row!.sealed!, /^v1\.dek_[^.]+\.[\w-]+$/)
    }
    assert.deepEqual([renewed, same, anew!.sealed === front!.sealed], [1, other, false])
    assert.deepEqual(
      [await vault.open(anew!.sealed!, placeOf(front!)), await vault.open(same!.sealed!, placeOf(other!))],
      ['open sesame', 'please'],
    )
  })
