import type { Db } from './open.ts'
import type { UsageTables } from './usage-tables.ts'

/** Files and their length in bytes. */
export interface Amount {
  readonly files: number
  readonly bytes: number
}

/** What of a project has how much in files. */
export interface Held extends Amount {
  readonly project: string
  readonly kind: string
}

/** How much projects have in files, by kind: written down when it changes, so that to read it takes no longer with time. */
export interface Usage {
  /** What these owners have now, in place of what they had; one is of one project and kind. */
  put(held: readonly (Held & { readonly owner: string })[]): Promise<void>
  totals(): Promise<readonly Held[]>
}

/** For one writer at a time, as a subscriber of events is. */
export function sqlUsage(db: Db): Usage {
  const tables = db.withTables<UsageTables>()
  return {
    put: held =>
      tables.transaction().execute(async tx => {
        for (const { project, kind, owner, files, bytes } of held) {
          const place = { project, kind, owner }
          const before = await tx
            .selectFrom('storage_held')
            .select(['files', 'bytes'])
            .where(eb => eb.and(place))
            .executeTakeFirst()
          await tx
            .insertInto('storage_held')
            .values({ ...place, files, bytes })
            .onConflict(c => c.columns(['project', 'kind', 'owner']).doUpdateSet({ files, bytes }))
            .execute()
          const more = { files: files - (before?.files ?? 0), bytes: bytes - (before?.bytes ?? 0) }
          await tx
            .insertInto('storage_total')
            .values({ project, kind, ...more })
            .onConflict(c =>
              c.columns(['project', 'kind']).doUpdateSet(eb => ({
                files: eb('storage_total.files', '+', more.files),
                bytes: eb('storage_total.bytes', '+', more.bytes),
              })),
            )
            .execute()
        }
      }),
    async totals() {
      const rows = await tables.selectFrom('storage_total').selectAll().orderBy('project').orderBy('kind').execute()
      return rows.map(row => ({ ...row }))
    },
  }
}
