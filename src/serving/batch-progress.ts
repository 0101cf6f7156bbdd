import { digestOfJson, type Digest } from '#kernel/digest.ts'
import type { Checkpoints } from '#compute'
import { readTree, writeTree, type Blobs, type Tree } from '#storage'

/** The answers that the attempts at a batch have had, by the row that a page of them begins with. */
export interface BatchProgress {
  /** JSON lines; undefined when no attempt has had them. */
  page(from: number): Promise<string | undefined>
  keep(from: number, lines: string): Promise<void>
  /** The batch is whole: nobody goes on from there. */
  end(): Promise<void>
}

export interface ProgressParts {
  readonly blobs: Blobs
  readonly checkpoints: Pick<Checkpoints, 'find' | 'keep' | 'settle'>
  /** How often the pages are noted at most. */
  readonly noteMs?: number
}

interface Attempt {
  /** Of the task, and which attempt at it this is. */
  readonly key: string
  readonly number: number
  readonly log: (line: string) => void
  /** What the answers are to: those to something else are none. */
  readonly question: { readonly rows: Digest; readonly deployment: string }
}

const noteMsUsual = 5_000

/** Goes on from what an attempt before has noted. What has come since the last note is asked for again after a crash. */
export async function openProgress(
  { blobs, checkpoints, noteMs = noteMsUsual }: ProgressParts,
  { key, number, question, log }: Attempt,
): Promise<BatchProgress> {
  const folder = digestOfJson(question)
  const kept = await checkpoints.find(key)
  const whole = kept === undefined ? {} : await readTree(blobs, kept)
  const own = Object.entries(whole).filter(([path]) => path.startsWith(`${folder}/`))
  const pages: Record<string, Tree[string]> = Object.fromEntries(own)
  const pathOf = (from: number): string => `${folder}/${from}`
  let notedAt = Date.now()
  if (own.length > 0) log(`The batch goes on behind ${own.length} pages that were predicted before.`)
  return {
    async page(from) {
      const page = pages[pathOf(from)]
      return page && (await blobs.bytes(page.digest)).toString()
    },
    async keep(from, lines) {
      pages[pathOf(from)] = { ...(await blobs.put(lines)), executable: false }
      if (Date.now() - notedAt < noteMs) return
      await checkpoints.keep({ key, number }, await writeTree(blobs, pages))
      notedAt = Date.now()
    },
    end: () => checkpoints.settle(key),
  }
}
