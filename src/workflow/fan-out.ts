import { Readable } from 'node:stream'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { canonicalJson, type Json } from '#kernel/json.ts'
import { isValueKind, listOf, outputKind, outputNames } from '#project'
import type { Blobs } from '#storage'
import type { Artifact, Artifacts, RunTask } from './run.ts'
import type { ItemOutputs, ItemsEnd, RunStore } from './store.ts'
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

/** What the calls of a task have come to: how many, and what they gave, which is read page by page. */
export interface ItemResults extends ItemsEnd {
  readonly count: number
  outputs(): AsyncIterable<readonly ItemOutputs[]>
}

const pageLimit = 500

export const itemResults = (store: Pick<RunStore, 'itemOutputs'>, task: string, end: ItemsEnd): ItemResults => ({
  ...end,
  count: sum(Object.values(end.states)),
  async *outputs() {
    for (let after = -1; ;) {
      const page = await store.itemOutputs(task, { after, limit: pageLimit })
      if (page.length === 0) return
      yield page
      after = page.at(-1)!.index
    }
  },
})

/**
 * What the calls gave, in the order of the items: a value output as a list, with null where a call gave none; files as a
 * folder, named by their index. Throws `task_failed` when too few have succeeded.
 */
export async function gather(
  blobs: Pick<Blobs, 'put' | 'bytes'>,
  spec: RunTask,
  results: ItemResults,
): Promise<{ outputs: Artifacts; metrics: Readonly<Record<string, number>> }> {
  const failed = requireEnough(spec, results)
  const outputs: Record<string, Artifact> = {}
  for (const name of outputNames(spec))
    outputs[name] = isValueKind(outputKind(spec, name))
      ? await listOfValues(blobs, name, results)
      : await folderOf(blobs, name, results)
  return { outputs, metrics: { items: results.count, failed } }
}

/** Answers how many have failed. */
function requireEnough({ forEach }: RunTask, { count, states, firstBad }: ItemResults): number {
  const share = (typeof forEach === 'object' ? forEach.minSuccess : undefined) ?? 1
  const called = count - (states.skipped ?? 0)
  const failed = called - (states.succeeded ?? 0) - (states.cached ?? 0)
  if (called === 0 || (called - failed) / called >= share) return failed
  throw new TrainyardError(
    'task_failed',
    `${failed} of ${called} items did not succeed; at least ${share * 100} % must. The first, [${firstBad!.index}]: ${firstBad!.why}`,
    { cause: { kind: 'items' } },
  )
}

async function listOfValues(
  blobs: Pick<Blobs, 'put' | 'bytes'>,
  name: string,
  results: ItemResults,
): Promise<Artifact> {
  let begin = ''
  async function* text(): AsyncGenerator<string> {
    for await (const part of listText(blobs, name, results)) {
      if (begin.length <= inlineCharactersMax) begin += part
      yield part
    }
  }
  const blob = await blobs.put(Readable.from(inParts(text())))
  return { ...blob, ...(begin.length <= inlineCharactersMax && { value: JSON.parse(begin) as Json }) }
}

/** The list as JSON, value by value. */
async function* listText(
  blobs: Pick<Blobs, 'bytes'>,
  name: string,
  { count, outputs }: ItemResults,
): AsyncGenerator<string> {
  yield '['
  let length = 0
  const nulls = (until: number): string => {
    const text = 'null,'.repeat(until - length)
    length = until
    return text
  }
  for await (const page of outputs())
    for (const { index, outputs: given } of page) {
      const value = given[name] && (await wholeOf(blobs, given[name]))
      if (value === undefined) continue
      yield nulls(index) + JSON.stringify(value) + (++length < count ? ',' : '')
    }
  yield nulls(count).slice(0, -1) + ']'
}

async function folderOf(blobs: Pick<Blobs, 'put'>, name: string, results: ItemResults): Promise<Artifact> {
  let [size, files] = [0, 0]
  const width = String(Math.max(0, results.count - 1)).length
  async function* text(): AsyncGenerator<string> {
    for await (const page of results.outputs())
      for (const { index, outputs } of page) {
        const { digest, size: bytes = 0 } = outputs[name] ?? {}
        if (digest === undefined) continue
        const file = { digest, executable: false, size: bytes }
        yield `${files === 0 ? '{' : ','}"${String(index).padStart(width, '0')}":${canonicalJson(file)}`
        size += bytes
        files += 1
      }
    yield files === 0 ? '{}' : '}'
  }
  const { digest } = await blobs.put(Readable.from(inParts(text())))
  return { digest, size, files }
}

const partCharacters = 64 * 1_024

/** The same text in larger parts: to pass one on costs as much as to make a hundred of a call. */
async function* inParts(text: AsyncIterable<string>): AsyncGenerator<string> {
  let part = ''
  for await (const piece of text) {
    part += piece
    if (part.length < partCharacters) continue
    yield part
    part = ''
  }
  yield part
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
