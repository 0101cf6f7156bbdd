import { sql } from 'kysely'
import type { Db } from '#storage'
import type { Place } from './sealed.ts'
import type { SealedColumn } from './sealed-column.ts'
import type { Vault } from './vault.ts'

export interface SealedTable<Row> {
  /** It has a column `sealed`, and a column `secret` with what was not sealed yet. */
  readonly table: string
  /** Its primary key. */
  readonly key: readonly (keyof Row & string)[]
  placeOf(row: Row): Place
}

type Kept = { readonly secret: string | null; readonly sealed: string | null }

export function sqlSealedColumn<Row extends object>(
  db: Db,
  vault: Pick<Vault, 'seal'>,
  { table, key, placeOf }: SealedTable<Row>,
): SealedColumn {
  const rowsWith = async (column: keyof Kept) =>
    (await sql<Row & Kept>`select * from ${sql.table(table)} where ${sql.ref(column)} is not null`.execute(db)).rows

  /** Unless somebody has set another one meanwhile. */
  const put = async (row: Row & Kept, former: keyof Kept, sealed: string): Promise<void> => {
    const isRow = sql.join(
      [...key, former].map(column => sql`${sql.ref(column)} = ${row[column]}`),
      sql` and `,
    )
    const plain = former === 'secret' ? null : sql.ref('secret')
    await sql`update ${sql.table(table)} set secret = ${plain}, sealed = ${sealed} where ${isRow}`.execute(db)
  }

  return {
    async sealPlain() {
      const rows = await rowsWith('secret')
      for (const row of rows) await put(row, 'secret', await vault.seal(row.secret!, placeOf(row)))
      return rows.length
    },

    async reseal(renew) {
      let count = 0
      for (const row of await rowsWith('sealed')) {
        const anew = await renew(row.sealed!, placeOf(row))
        if (anew === undefined) continue
        await put(row, 'sealed', anew)
        count += 1
      }
      return count
    },
  }
}
