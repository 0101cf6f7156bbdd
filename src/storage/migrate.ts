import { sql } from 'kysely'
import { engineOf } from './engine.ts'
import type { Db } from './open.ts'

/** One step forward of a component's tables. Steps are never edited once released, and there is no way back. */
export interface Migration {
  /** `registry-001`: the component and a number. Steps run in the order in which they are listed. */
  readonly name: string
  /** Statements that SQLite and PostgreSQL both understand, or one for each where that costs too much. */
  readonly statements: readonly (string | Readonly<Record<'sqlite' | 'postgres', string>>)[]
}

/** Brings the database to the last step. Each step is one transaction: a crash leaves whole steps. */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<void> {
  await sql`create table if not exists migration (name text primary key)`.execute(db)
  const engine = engineOf(db)
  const known = db.withTables<{ migration: { name: string } }>()
  const done = new Set((await known.selectFrom('migration').select('name').execute()).map(row => row.name))
  for (const { name, statements } of migrations.filter(step => !done.has(step.name))) {
    await known.transaction().execute(async tx => {
      for (const statement of statements)
        await sql.raw(typeof statement === 'string' ? statement : statement[engine]).execute(tx)
      await tx.insertInto('migration').values({ name }).execute()
    })
  }
}
