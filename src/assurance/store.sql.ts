import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { inside, type Db } from '#storage'
import type { Approval } from './approval.ts'
import type { Card, Opinion } from './card.ts'
import type { Scan } from './scan.ts'
import type { AssuranceStore } from './store.ts'
import type { AssuranceTables } from './tables.ts'

/** Assurance in SQL: one text for SQLite and PostgreSQL. */
export function sqlAssuranceStore(db: Db): AssuranceStore {
  const tables = db.withTables<AssuranceTables>()
  return {
    async putScan(tx, version, { digest, verdict, files, at }) {
      const row = { digest, verdict, files: JSON.stringify(files), at }
      await inside<AssuranceTables>(tx)
        .insertInto('assurance_scan')
        .values({ version, ...row })
        .onConflict(c => c.column('version').doUpdateSet(row))
        .execute()
    },

    async findScan(version) {
      const row = await tables
        .selectFrom('assurance_scan')
        .selectAll()
        .where('version', '=', version)
        .executeTakeFirst()
      return (
        row && {
          digest: row.digest as Digest,
          at: row.at as Millis,
          verdict: row.verdict as Scan['verdict'],
          files: JSON.parse(row.files),
        }
      )
    },

    async putSignature(tx, version, { publicKey, ...rest }) {
      const row = { ...rest, public_key: publicKey }
      await inside<AssuranceTables>(tx)
        .insertInto('assurance_signature')
        .values({ version, ...row })
        .onConflict(c => c.column('version').doUpdateSet(row))
        .execute()
    },

    async findSignature(version) {
      const row = await tables
        .selectFrom('assurance_signature')
        .selectAll()
        .where('version', '=', version)
        .executeTakeFirst()
      return (
        row && {
          digest: row.digest as Digest,
          bundle: row.bundle,
          publicKey: row.public_key,
          at: row.at as Millis,
        }
      )
    },

    async addApproval(tx, version, approval) {
      await inside<AssuranceTables>(tx)
        .insertInto('assurance_approval')
        .values({ version, ...approval })
        .execute()
    },

    async approvals(version, tx) {
      const reader = tx ? inside<AssuranceTables>(tx) : tables
      const rows = await reader
        .selectFrom('assurance_approval')
        .selectAll()
        .where('version', '=', version)
        .orderBy('id')
        .execute()
      return rows.map(fromApprovalRow)
    },

    async putOpinion(tx, place, { name, text, actor, at }) {
      const row = { body: text, actor, at }
      await inside<AssuranceTables>(tx)
        .insertInto('assurance_opinion')
        .values({ ...place, name, ...row })
        .onConflict(c => c.columns(['project', 'model', 'name', 'number']).doUpdateSet(row))
        .execute()
    },

    async opinions({ project, model, number }) {
      const rows = await tables
        .selectFrom('assurance_opinion')
        .selectAll()
        .where('project', '=', project)
        .where('model', '=', model)
        .where('number', '<=', number)
        .where(eb =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('assurance_opinion as later')
                .select('later.name')
                .whereRef('later.project', '=', 'assurance_opinion.project')
                .whereRef('later.model', '=', 'assurance_opinion.model')
                .whereRef('later.name', '=', 'assurance_opinion.name')
                .whereRef('later.number', '>', 'assurance_opinion.number')
                .where('later.number', '<=', number),
            ),
          ),
        )
        .orderBy('name')
        .execute()
      return Object.fromEntries(
        rows.map(({ name, body, actor, at }) => [name as Opinion, { text: body, actor, at: at as Millis }]),
      ) as Card['opinions']
    },
  }
}

const fromApprovalRow = ({ version: _, ...row }: Selectable<AssuranceTables['assurance_approval']>): Approval => ({
  ...row,
  verdict: row.verdict as Approval['verdict'],
  digest: row.digest as Digest,
  at: row.at as Millis,
})
