import { z } from 'zod'
import type { Permission, Resource } from '#access'
import { invalid } from '#kernel/error.ts'
import { ownerResource, type Tracking } from '#tracking'

/** A run by its id; older clients call it by its old name, and most send both. */
export const RunId = { run_id: z.string().optional(), run_uuid: z.string().optional() }

/** Throws `invalid` when the request names no run. */
export function runIdOf({ run_id, run_uuid }: { run_id?: string | undefined; run_uuid?: string | undefined }): string {
  const id = run_id || run_uuid
  if (id) return id
  throw invalid("Missing value for required parameter 'run_id'.")
}

/** What a call about a run asks permission for: its experiment. */
export const onRun = (runs: Pick<Tracking['runs'], 'ownerOf'>) => (permission: Permission) =>
  [
    permission,
    async (said: { run_id?: string | undefined; run_uuid?: string | undefined }): Promise<Resource> =>
      ownerResource(await runs.ownerOf(runIdOf(said))),
  ] as const
