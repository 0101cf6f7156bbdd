import { invalid, TrainyardError } from '#kernel/error.ts'
import { canonicalJson, type Json } from '#kernel/json.ts'
import { isValueKind, listOf, outputKind, outputNames } from '#project'
import type { Blobs } from '#storage'
import { isGood, type Artifact, type Artifacts, type RunTask } from './run.ts'
import type { ItemResult } from './store.ts'
import { inlineCharactersMax, valueOf, wholeOf, type Sources } from './values.ts'

/** Of a task with a call for each item of a list: which items, and what their calls have come to together. */

const itemsMax = 100_000

/** The items. Throws `invalid` for what is no list, or too long. */
export async function itemsOf(spec: RunTask, sources: Sources): Promise<readonly Json[]> {
  const source = listOf(spec)!
  const list = await valueOf(sources, source, undefined)
  if (!Array.isArray(list)) throw invalid('There is no list.', [{ field: 'forEach', value: source, allowed: 'a list' }])
  if (list.length > itemsMax)
    throw invalid('The list is too long.', [
      { field: 'forEach', value: `${list.length} items`, allowed: `${itemsMax} at most` },
    ])
  return list as readonly Json[]
}

export const parallelOf = ({ forEach }: RunTask): number | undefined =>
  typeof forEach === 'string' ? undefined : forEach?.parallel

/**
 * What the calls gave, in the order of the items: a value output as a list, with null where a call gave none; files as a
 * folder, named by their index. Throws `task_failed` when too few have succeeded.
 */
export async function gather(
  blobs: Pick<Blobs, 'put' | 'bytes'>,
  spec: RunTask,
  results: readonly ItemResult[],
): Promise<{ outputs: Artifacts; metrics: Readonly<Record<string, number>> }> {
  const called = results.filter(({ state }) => state !== 'skipped')
  const failed = called.filter(({ state }) => !isGood(state))
  requireEnough(spec, { called: called.length, failed })
  const outputs: Record<string, Artifact> = {}
  for (const name of outputNames(spec))
    outputs[name] = isValueKind(outputKind(spec, name))
      ? await listOfValues(blobs, name, results)
      : await folderOf(blobs, name, results)
  return { outputs, metrics: { items: results.length, failed: failed.length } }
}

function requireEnough(
  { forEach }: RunTask,
  { called, failed }: { called: number; failed: readonly ItemResult[] },
): void {
  const share = (typeof forEach === 'object' ? forEach.minSuccess : undefined) ?? 1
  if (called === 0 || (called - failed.length) / called >= share) return
  const [first] = failed
  throw new TrainyardError(
    'task_failed',
    `${failed.length} of ${called} items did not succeed; at least ${share * 100} % must. The first, [${first!.index}]: ${first!.error ?? first!.state}`,
    { cause: { kind: 'items' } },
  )
}

async function listOfValues(
  blobs: Pick<Blobs, 'put' | 'bytes'>,
  name: string,
  results: readonly ItemResult[],
): Promise<Artifact> {
  const values: Json[] = []
  for (const { outputs } of results) values.push(outputs[name] ? ((await wholeOf(blobs, outputs[name])) ?? null) : null)
  const text = JSON.stringify(values)
  return { ...(await blobs.put(text)), ...(text.length <= inlineCharactersMax && { value: values }) }
}

async function folderOf(blobs: Pick<Blobs, 'put'>, name: string, results: readonly ItemResult[]): Promise<Artifact> {
  const width = String(Math.max(0, results.length - 1)).length
  const files = results.flatMap(({ index, outputs }) => {
    const { digest, size = 0 } = outputs[name] ?? {}
    return digest === undefined
      ? []
      : [[String(index).padStart(width, '0'), { digest, size, executable: false }] as const]
  })
  const { digest } = await blobs.put(canonicalJson(Object.fromEntries(files)))
  return { digest, size: files.reduce((sum, [, file]) => sum + file.size, 0), files: files.length }
}
