import type { Digest } from '#kernel/digest.ts'
import type { Db } from './open.ts'
import type { Blobs } from './blobs.ts'
import { digestsIn, namesIn, type Named } from './blob-names.ts'
import { scanTexts } from './text-scan.sql.ts'

/** What of a database refers to bytes: all tables with all their rows, but for these. */
export interface References {
  /** Tables that name bytes without wanting them: what they say of the past stays true when the bytes are gone. */
  readonly except: readonly string[]
  /** By table, in SQL: rows of which this is not true want nothing. */
  readonly rows: Readonly<Record<string, string>>
  /** Columns, as `table.column`, of files that are nothing to the platform but bytes: it reads none to find others. */
  readonly leaves: readonly string[]
}

interface ReferenceParts extends References {
  readonly db: Db
  readonly blobs: Pick<Blobs, 'find' | 'read'>
}

/**
 * Which of some digests anything refers to: any text of any table, and any JSON blob that is itself referred to. Errs
 * towards yes: a digest is recognised wherever its 64 characters stand. Throws when something cannot be read, so that
 * nobody takes no answer for a no.
 */
export async function referredTo(
  { db, blobs, except, rows, leaves }: ReferenceParts,
  asked: ReadonlySet<Digest>,
  signal: AbortSignal,
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>()
  const known = new Set<Digest>()
  const waiting: Digest[] = []
  const meet = ({ digest, isName }: Named): void => {
    if (asked.has(digest)) found.add(digest)
    if (!isName || known.has(digest)) return
    known.add(digest)
    waiting.push(digest)
  }
  const leaf = new Set(leaves)
  await scanTexts(db, {
    except,
    rows,
    signal,
    visit(text, { table, column }) {
      const isLeaf = leaf.has(`${table}.${column}`)
      for (const named of digestsIn(text)) meet(isLeaf ? { ...named, isName: false } : named)
    },
  })
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    signal.throwIfAborted()
    for await (const named of namesIn(blobs, digest)) meet(named)
  }
  return found
}
