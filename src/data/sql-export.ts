import { Worker } from 'node:worker_threads'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Mask } from '#kernel/mask.ts'
import { moduleAt } from '#kernel/place.ts'

export interface SqlExport {
  /** `sqlite:<absolute file>` or `postgres://…`. */
  readonly database: string
  readonly query: string
  /** The CSV file that is written. */
  readonly target: string
}

/**
 * Writes a query's rows to a CSV file, in a thread of its own because SQLite answers synchronously. The database is
 * opened for reading only. Throws `invalid` with the database's words, `unavailable` when it is away, or the signal's
 * reason.
 */
export async function exportSql(
  job: SqlExport,
  { name, mask, signal }: { readonly name: string; readonly mask: Mask; readonly signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted()
  const worker = new Worker(moduleAt('data/sql-export-worker'), { workerData: job })
  const cancel = (): void => void worker.terminate()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const answer = await new Promise<{ error?: string; isAway?: boolean }>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => resolve({ error: 'The export ended before it was complete.' }))
    })
    signal.throwIfAborted()
    const error = answer.error === undefined ? undefined : mask(answer.error)
    if (answer.isAway) throw new TrainyardError('unavailable', `${name} cannot be read now: ${error}`, { source: name })
    if (error !== undefined)
      throw invalid(`${name} cannot be read: ${error}`, [
        { field: 'query', value: job.query, allowed: 'a query that the database answers' },
      ])
  } finally {
    signal.removeEventListener('abort', cancel)
    await worker.terminate()
  }
}
