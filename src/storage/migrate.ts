import { sql } from 'kysely'
import { crashPoint } from '#kernel/crash-point.ts'
import { engineOf, type Engine } from './engine.ts'
import type { Db } from './open.ts'

/** One step forward of a component's tables. Steps are never edited once released, and there is no way back. */
export interface Migration {
  /** `registry-001`: the component and a number. Steps run in the order in which they are listed. */
  readonly name: string
  /** Statements that SQLite and PostgreSQL both understand, or what one of them needs. */
  readonly statements: readonly (string | Readonly<Partial<Record<Engine, string>>>)[]
}

/**
 * Brings the database to the last step, all that are missing in one transaction: a crash leaves it as it was. Of several
 * processes that do so at once the first makes the steps and the others find them made.
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<void> {
  const engine = engineOf(db)
  await db
    .withTables<{ migration: { name: string } }>()
    .transaction()
    .execute(async tx => {
      for (const statement of alone[engine]) await sql.raw(statement).execute(tx)
      const done = new Set((await tx.selectFrom('migration').select('name').execute()).map(row => row.name))
      for (const { name, statements } of migrations.filter(step => !done.has(step.name))) {
        for (const statement of statements) {
          const text = typeof statement === 'string' ? statement : statement[engine]
          if (text !== undefined) await sql.raw(text).execute(tx)
        }
        await tx.insertInto('migration').values({ name }).execute()
        crashPoint('storage.migrating')
      }
    })
}

const table = 'create table if not exists migration (name text primary key)'

/** Waits until nobody else makes steps. SQLite has one writer, who is whoever begins to write, be it nothing. */
const alone: Readonly<Record<Engine, readonly string[]>> = {
  sqlite: [table, 'delete from migration where false'],
  postgres: [`select pg_advisory_xact_lock(hashtext(current_schema() || '.migration'))`, table],
}
