import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { migrate, type Migration } from './migrate.ts'
import { openDatabase } from './open.ts'

/** A schema of PostgreSQL with the tables of some steps, as the steps leave them. */
export interface TestSchema {
  readonly url: string
  readonly name: string
  readonly steps: string
}

/** Schemas for tests. To make one takes half a second, to empty one a few milliseconds: who needs one gets a used one. */
export interface TestSchemas {
  take(migrations: readonly Migration[]): Promise<TestSchema>
  giveBack(schema: TestSchema): Promise<void>
  drop(): Promise<void>
}

/** The same for the same steps. */
export const keyOf = (migrations: readonly Migration[]): string => JSON.stringify(migrations)

export function openSchemas(url: string): TestSchemas {
  const admin = openDatabase(url)
  const free: TestSchema[] = []
  const made: string[] = []

  async function make(migrations: readonly Migration[]): Promise<TestSchema> {
    const name = `test_${randomUUID().replaceAll('-', '')}`
    for (const one of [name, seedsOf(name)]) {
      await sql`create schema ${sql.id(one)}`.execute(admin)
      made.push(one)
    }
    const schema = { name, url: `${url}?options=-c%20search_path%3D${name}`, steps: keyOf(migrations) }
    const db = openDatabase(schema.url)
    await migrate(db, migrations)
    await sql.raw(keepSeeds).execute(db)
    await db.destroy()
    return schema
  }

  return {
    async take(migrations) {
      const steps = keyOf(migrations)
      const at = free.findIndex(schema => schema.steps === steps)
      return at < 0 ? make(migrations) : free.splice(at, 1)[0]!
    },
    async giveBack(schema) {
      const db = openDatabase(schema.url)
      await sql.raw(empty).execute(db)
      await db.destroy()
      free.push(schema)
    },
    async drop() {
      for (const name of made) await sql`drop schema ${sql.id(name)} cascade`.execute(admin)
      await admin.destroy()
    },
  }
}

const seedsOf = (schema: string): string => `${schema}_seeds`

/** Rows that steps insert are kept beside. */
const keepSeeds = `do $$
declare t text; has_rows boolean;
begin
  for t in select tablename from pg_tables where schemaname = current_schema() loop
    execute format('select exists (select from %I)', t) into has_rows;
    if has_rows then execute format('create table %I.%I as table %2$I', current_schema() || '_seeds', t); end if;
  end loop;
end $$`

/** A table refers only to older ones, or to itself: those that were made last are emptied first. */
const empty = `do $$
declare t text; s text;
begin
  for t in select relname from pg_class
           where relnamespace = current_schema()::regnamespace and relkind = 'r' order by oid desc loop
    execute format('delete from %I', t);
  end loop;
  for t in select tablename from pg_tables where schemaname = current_schema() || '_seeds' loop
    execute format('insert into %I table %I.%1$I', t, current_schema() || '_seeds');
  end loop;
  for s in select sequencename from pg_sequences where schemaname = current_schema() loop
    execute format('alter sequence %I restart', s);
  end loop;
end $$`
