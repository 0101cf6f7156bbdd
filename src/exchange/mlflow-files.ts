import type { MlflowClient } from './mlflow-client.ts'
import type { FileJson } from './mlflow-json.ts'
import { pagesOf } from './mlflow-pages.ts'
import type { CarriedFile } from './record.ts'

type List = (path: string) => AsyncIterable<readonly FileJson[]>
type Address = (path: string) => string

/** The files of a run: through the server's proxy, or by the server from wherever it keeps them. */
export const filesOfRun = (
  client: MlflowClient,
  { id, uri }: { id: string; uri: string },
): AsyncIterable<CarriedFile> =>
  walk(
    client,
    path =>
      pagesOf('files', token =>
        client.get('artifacts/list', { run_id: id, path: path || undefined, page_token: token }),
      ),
    proxied(uri) ?? (path => `/get-artifact?${new URLSearchParams({ path, run_uuid: id }).toString()}`),
  )

export const filesOfModel = (
  client: MlflowClient,
  { id, uri }: { id: string; uri: string },
): AsyncIterable<CarriedFile> =>
  walk(
    client,
    path =>
      pagesOf('files', token =>
        client.get(`logged-models/${id}/artifacts/directories`, {
          artifact_directory_path: path || undefined,
          page_token: token,
        }),
      ),
    proxied(uri) ??
      (path =>
        `/ajax-api/2.0/mlflow/logged-models/${id}/artifacts/files?${new URLSearchParams({ artifact_file_path: path }).toString()}`),
  )

/** The files of a version that a server like ours has taken into its keeping; those of others lie with a run or elsewhere. */
export async function* filesOfVersion(client: MlflowClient, name: string, version: number): AsyncIterable<CarriedFile> {
  const { artifact_uri: uri } = await client.get<{ artifact_uri: string }>('model-versions/get-download-uri', {
    name,
    version,
  })
  const id = /^mlflow-artifacts:\/model-versions\/(mdv_[\w-]+)$/.exec(uri)?.[1]
  if (id === undefined) return
  const address = proxied(uri)!
  const { items } = await client.get<{ items: readonly { path: string; digest: string; size: number }[] }>(
    `/api/v1/model-versions/${id}/files`,
    {},
  )
  for (const file of items) yield { ...file, open: () => client.bytes(address(file.path)) }
}

async function* walk(client: MlflowClient, list: List, address: Address): AsyncIterable<CarriedFile> {
  const folders = ['']
  while (folders.length > 0) {
    for await (const entries of list(folders.pop()!)) {
      folders.push(...entries.filter(entry => entry.is_dir).map(entry => entry.path))
      yield* entries
        .filter(entry => entry.is_dir !== true)
        .map(({ path, file_size: size }) => ({
          path,
          // Absent for files of no bytes, too, and for stores that do not tell.
          ...(size !== undefined && { size }),
          open: () => client.bytes(address(path)),
        }))
    }
  }
}

/** The route of the proxy for files below such a URI; undefined when they are not the proxy's. */
export function proxied(uri: string): Address | undefined {
  const root = /^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.+)$/.exec(uri)?.[1]?.replace(/\/$/, '')
  if (root === undefined) return undefined
  return path => `/api/2.0/mlflow-artifacts/artifacts/${`${root}/${path}`.split('/').map(encodeURIComponent).join('/')}`
}
