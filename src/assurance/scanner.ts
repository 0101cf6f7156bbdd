import { messageOf } from '#kernel/error.ts'
import { moduleAt } from '#kernel/place.ts'
import { createChildWorker, Refused, type Blobs, type Tree } from '#storage'
import type { FileScan } from './model-scan.ts'

export interface ScanRequest {
  /** What people call it. */
  readonly path: string
  /** Where it lies. */
  readonly file: string
}

/** Reads the files of models in a process of its own. */
export interface Scanner {
  scan(tree: Tree): Promise<readonly FileScan[]>
  stop(): void
}

const module = moduleAt('assurance/scan-worker')

export function createScanner({ blobs }: { blobs: Pick<Blobs, 'path'> }): Scanner {
  const worker = createChildWorker<ScanRequest, FileScan>({ module })

  /** A file that brings the reader down is no reason to call it harmless. */
  const unreadable = (path: string, error: unknown): FileScan => ({
    path,
    format: 'other',
    pickles: [],
    findings: [{ severity: 'suspicious', what: `cannot be read: ${messageOf(error)}` }],
  })

  return {
    async scan(tree) {
      const files: FileScan[] = []
      for (const [path, { digest }] of Object.entries(tree)) {
        const file = await blobs.path(digest)
        files.push(
          await worker.call({ path, file }).catch(error => {
            if (error instanceof Refused || (error as { code?: string }).code === 'unavailable')
              return unreadable(path, error)
            throw error
          }),
        )
      }
      return files
    },
    stop: () => worker.stop(),
  }
}
