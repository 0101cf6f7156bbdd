import type { Digest } from '#kernel/digest.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { BlobUploads } from './blob-uploads.ts'
import type { ProjectTables } from './tables.ts'

/** Parameters of one statement: SQLite takes 32,766. */
const digestsMax = 10_000

export function sqlBlobUploads(db: Db, clock: Clock): BlobUploads {
  const tables = db.withTables<ProjectTables>()
  return {
    async note(digest, sender) {
      await tables
        .insertInto('blob_upload')
        .values({ digest, sender, at: clock.now() })
        .onConflict(conflict => conflict.doNothing())
        .execute()
    },

    async sent(digests, sender) {
      const found = new Set<Digest>()
      for (let from = 0; from < digests.length; from += digestsMax) {
        const rows = await tables
          .selectFrom('blob_upload')
          .select('digest')
          .where('digest', 'in', digests.slice(from, from + digestsMax))
          .where('sender', '=', sender)
          .execute()
        for (const { digest } of rows) found.add(digest as Digest)
      }
      return found
    },
  }
}
