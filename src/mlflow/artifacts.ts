import { z } from 'zod'
import { artifactPath, below, type ArtifactEntry } from '#tracking'
import type { ArtifactRouteParts } from './artifact-bytes.ts'
import { placeOf, proxiedPath, type Holder, type Place } from './artifact-place.ts'
import { id } from './field.ts'
import type { Caller, Declare } from './route.ts'

/** As many entries as one statement reads, and one answer of the paged lists has. */
const pageSize = 10_000

/** Listings of what runs, logged models and experiments have in files. */
export const artifactCalls =
  (parts: ArtifactRouteParts) =>
  (declare: Declare): void => {
    declare({
      method: 'GET',
      path: '2.0/mlflow-artifacts/artifacts',
      input: z.object({ path: z.string().default('') }),
      // The path decides: below.
      may: 'anyone',
      async handle({ path }, caller) {
        if (artifactPath(path) === '') return { files: await experimentsOf(parts, caller) }
        const place = await readable(placeOf(parts, path), caller)
        const files: object[] = []
        for (let after: string | undefined, more = true; more; more = after !== undefined) {
          const page = await place.list({ limit: pageSize, after })
          for (const entry of page.items) files.push(infoOf(entry))
          after = page.next
        }
        return { files }
      },
    })

    declare({
      method: 'GET',
      path: '2.0/mlflow/artifacts/list',
      input: z.object({
        run_id: id.optional(),
        run_uuid: id.optional(),
        path: z.string().default(''),
        page_token: z.string().optional(),
      }),
      may: 'anyone',
      async handle({ run_id, run_uuid, path, page_token }, caller) {
        const holder = (): Promise<Holder> => parts.runs.get(run_id ?? run_uuid ?? '')
        return listing(parts, caller, { holder, path, after: page_token })
      },
    })

    declare({
      method: 'GET',
      path: '2.0/mlflow/logged-models/:model_id/artifacts/directories',
      input: z.object({
        model_id: z.string(),
        artifact_directory_path: z.string().default(''),
        page_token: z.string().optional(),
      }),
      may: 'anyone',
      async handle({ model_id, artifact_directory_path: path, page_token }, caller) {
        const holder = (): Promise<Holder> => parts.loggedModels.get(model_id)
        return listing(parts, caller, { holder, path, after: page_token })
      },
    })
  }

/** A page of a directory, with paths relative to the root of the run or logged model. */
async function listing(
  parts: ArtifactRouteParts,
  caller: Caller,
  { holder, path, after }: { holder: () => Promise<Holder>; path: string; after: string | undefined },
): Promise<object> {
  const inner = artifactPath(path)
  let uri = ''
  const inHolder = async (): Promise<Place> => {
    uri = (await holder()).artifactUri
    return placeOf(parts, below(artifactPath(proxiedPath(uri)), inner))
  }
  const place = await readable(inHolder(), caller)
  const { items, next } = await place.list({ limit: pageSize, after })
  return { root_uri: uri, files: items.map(entry => infoOf(entry, inner)), next_page_token: next }
}

async function readable(asked: Promise<Place>, caller: Caller): Promise<Place> {
  await caller.permit(
    'read',
    asked.then(({ resource }) => resource),
  )
  return asked
}

/** The root of everything: a directory for each experiment that has files and that the caller may read. */
async function experimentsOf({ artifacts }: ArtifactRouteParts, caller: Caller): Promise<readonly object[]> {
  const files: object[] = []
  for (const { project, experiment } of await artifacts.owners())
    if (await caller.mayRead({ project, kind: 'experiment', id: experiment }))
      files.push(infoOf({ name: experiment, kind: 'directory', size: 0 }))
  return files
}

/** The length of directories and of empty files is left out, as MLflow does. */
const infoOf = ({ name, kind, size }: ArtifactEntry, directory = ''): object => ({
  path: below(directory, name),
  is_dir: kind === 'directory',
  ...(size > 0 ? { file_size: size } : {}),
})
