import type { Readable } from 'node:stream'
import type { ExportWriter } from './export-writer.ts'
import type { Api } from './api.ts'

interface Blobs {
  readonly items: readonly { readonly digest: string }[]
  readonly next?: string
}

const blobsPerPage = 500
const folder = 'platform/blobs'

/**
 * Writes all bytes that the platform keeps and that are not written yet, each as a file named by its SHA-256: outputs of
 * tasks, code, bundles. For administrators.
 */
export async function exportBlobs(
  api: Pick<Api, 'get'>,
  read: (path: string) => Promise<Readable>,
  writer: ExportWriter,
): Promise<void> {
  let after: string | undefined
  do {
    const query = new URLSearchParams({ limit: String(blobsPerPage), ...(after !== undefined && { after }) })
    const page: Blobs = await api.get(`/api/v1/export/blobs?${query.toString()}`)
    for (const { digest } of page.items.filter(blob => !writer.has(blob.digest)))
      await writer.files({ kind: 'blob', id: digest, folder }, [
        { path: digest, digest, open: () => read(`/api/v1/blobs/${digest}`) },
      ])
    after = page.next
  } while (after !== undefined)
}
