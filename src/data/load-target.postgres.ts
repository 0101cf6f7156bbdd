import pg from 'pg'
import { quoted, type LoadPlace, type LoadTarget } from './load-target.ts'

export async function openPostgres({ database, beside, loads, columns }: LoadPlace): Promise<LoadTarget> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  await client.query(`set timezone = 'UTC'`)
  const types: LoadTarget['types'] = {
    integer: 'bigint',
    real: 'double precision',
    boolean: 'boolean',
    date: 'date',
    timestamp: 'timestamptz',
    text: 'text',
  }
  const names = columns.map(({ name }) => quoted(name)).join(', ')
  const cast = columns.map(({ kind }, index) => `c${index}::${types[kind]}`).join(', ')
  const lists = columns.map((_, index) => `$${index + 1}::text[]`).join(', ')
  const aliases = columns.map((_, index) => `c${index}`).join(', ')
  return {
    types,
    keyType: 'text',
    run: async statement => void (await client.query(statement)),
    async insert(page) {
      const values = columns.map(({ name }) => page.map(row => row[name] ?? null))
      const given = `select ${cast} from unnest(${lists}) as t(${aliases})`
      await client.query(`insert into ${beside} (${names}) ${given}`, values)
    },
    isNoted: async key => (await client.query(`select 1 from ${loads} where "load" = $1`, [key])).rows.length > 0,
    note: async (key, at) =>
      void (await client.query(`insert into ${loads} ("load", loaded) values ($1, $2)`, [key, at])),
    close: () => client.end(),
  }
}
