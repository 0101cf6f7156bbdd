import type { Selectable, Transaction } from 'kysely'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import type { AnyTx, Db } from '#storage'
import { ProjectFile } from './project-file.ts'
import type { Appended, ProjectStore, ProjectSummary, Revision, RevisionDraft } from './store.ts'
import type { ProjectTables } from './tables.ts'

/** Projects in SQL, one text for SQLite and PostgreSQL. */
export function sqlProjectStore(db: Db): ProjectStore {
  const tables = db.withTables<ProjectTables>()
  return {
    append: (draft, within) => tables.transaction().execute(tx => append(tx, draft, within)),

    async head(project) {
      const row = await tables.selectFrom('project').select('revision').where('name', '=', project).executeTakeFirst()
      return row?.revision as Revision['id'] | undefined
    },

    async find(id) {
      const row = await tables.selectFrom('project_revision').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async list({ limit, after }, names) {
      if (names?.length === 0) return { items: [] }
      let query = tables
        .selectFrom('project')
        .selectAll()
        .orderBy('revision', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('revision', '<', after)
      if (names) query = query.where('name', 'in', names)
      return toPage((await query.execute()).map(summaryOf), limit, summary => summary.revision)
    },

    async history(project, { limit, after }) {
      let query = tables
        .selectFrom('project_revision')
        .selectAll()
        .where('project', '=', project)
        .orderBy('number', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('number', '<', Number(after) || 0)
      return toPage((await query.execute()).map(fromRow), limit, revision => String(revision.number))
    },
  }
}

async function append(
  tx: Transaction<ProjectTables>,
  { fingerprint, ...draft }: RevisionDraft,
  within: (tx: AnyTx, appended: Appended) => Promise<void>,
): Promise<Appended> {
  const head = { goal: draft.spec.objective.goal, commit_id: draft.commit ?? null, at: draft.at }
  // The upsert takes the lock of the project's row: whoever comes second sees what the first has written.
  const row = await tx
    .insertInto('project')
    .values({ name: draft.project, number: 0, revision: '', fingerprint: '', ...head })
    .onConflict(conflict => conflict.column('name').doUpdateSet(eb => ({ number: eb.ref('project.number') })))
    .returning(['number', 'revision', 'fingerprint'])
    .executeTakeFirstOrThrow()
  const before =
    row.number === 0
      ? undefined
      : fromRow(
          await tx.selectFrom('project_revision').selectAll().where('id', '=', row.revision).executeTakeFirstOrThrow(),
        )
  if (before && row.fingerprint === fingerprint) return { revision: before, before, added: false }

  const revision: Revision = { ...draft, number: row.number + 1 }
  await tx.insertInto('project_revision').values(toRow(revision)).execute()
  await tx
    .updateTable('project')
    .set({ ...head, number: revision.number, revision: revision.id, fingerprint })
    .where('name', '=', draft.project)
    .execute()
  const appended = { revision, before, added: true }
  await within(tx, appended)
  return appended
}

type RevisionRow = Selectable<ProjectTables['project_revision']>

const toRow = ({ commit, base, spec, ...revision }: Revision): RevisionRow => ({
  ...revision,
  spec: JSON.stringify(spec),
  commit_id: commit ?? null,
  base: base ? JSON.stringify(base) : null,
})

/** The file is read through its schema again: a row of an older version lacks what has a default since. */
const fromRow = ({ commit_id, base, spec, ...row }: RevisionRow): Revision => ({
  id: row.id as Revision['id'],
  project: row.project,
  number: row.number,
  spec: ProjectFile.parse(JSON.parse(spec)),
  code: row.code as Digest,
  ...(commit_id === null ? {} : { commit: commit_id }),
  ...(base === null ? {} : { base: JSON.parse(base) as NonNullable<Revision['base']> }),
  actor: row.actor,
  at: row.at as Millis,
})

const summaryOf = (row: Selectable<ProjectTables['project']>): ProjectSummary => ({
  name: row.name,
  goal: row.goal,
  revision: row.revision as Revision['id'],
  number: row.number,
  ...(row.commit_id === null ? {} : { commit: row.commit_id }),
  at: row.at as Millis,
})
