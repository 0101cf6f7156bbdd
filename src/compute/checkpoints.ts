import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { messageOf } from '#kernel/error.ts'
import { checkoutTree, putTree, readTree, type Blobs } from '#storage'
import type { Attempt } from '#workflow'
import type { CheckpointStore } from './checkpoint-store.ts'

/** Folders of tasks that outlive their attempts: what one has written there the next one finds, wherever it runs. */
export interface Checkpoints {
  /** Fills the folder with what the attempts before have kept. */
  restore(attempt: Kept, folder: string): Promise<void>
  /** Keeps what is in the folder, again and again until `end`. */
  watch(attempt: Kept, folder: string): Watching
  /** The tree that was kept last. */
  find(key: string): Promise<Digest | undefined>
  /** Keeps a tree. False when a later attempt has kept one. */
  keep(attempt: Pick<Kept, 'key' | 'number'>, tree: Digest): Promise<boolean>
  /** The task has succeeded: nobody goes on from there. */
  settle(key: string): Promise<void>
  /** Forgets what was kept for long enough. Returns how many. */
  sweep(): Promise<number>
  /** How often a folder is looked at. */
  readonly everyMs: number
}

type Kept = Pick<Attempt, 'key' | 'number' | 'log'>

interface Watching {
  /** Looks no more; once more at what is there now, unless it is not needed. */
  end(options: { isNeeded: boolean }): Promise<void>
}

export interface CheckpointsDeps {
  readonly store: CheckpointStore
  readonly blobs: Blobs
  readonly clock: Clock
  /** How long what a task has kept waits for its next attempt. */
  readonly retentionMs: number
  readonly everyMs?: number
}

/** A success that was not recorded is done again, from there. */
const settledMs = 3_600_000
const limits = { bytes: 64 * 2 ** 30, what: 'a checkpoint' }
/** Written beside, to be renamed: not there yet. */
const unfinished = /\.(tmp|part|partial)$/

export function createCheckpoints({
  store,
  blobs,
  clock,
  retentionMs,
  everyMs = 30_000,
}: CheckpointsDeps): Checkpoints {
  const keep: Checkpoints['keep'] = ({ key, number }, tree) =>
    store.put({ key, attempt: number, tree, keptUntil: clock.now() + retentionMs })

  return {
    everyMs,
    keep,
    find: key => store.find(key),
    settle: key => store.expire(key, clock.now() + settledMs),
    sweep: () => store.sweep(clock.now()),

    async restore({ key, log }, folder) {
      await mkdir(folder, { recursive: true })
      const tree = await store.find(key)
      if (tree === undefined) return
      await checkoutTree(blobs, tree, folder)
      log(`The task goes on from its checkpoint of ${Object.keys(await readTree(blobs, tree)).length} files.`)
    },

    watch(attempt, folder) {
      let [seen, said] = ['', '']
      let isOver = false
      let looking = Promise.resolve()

      async function look(): Promise<void> {
        const state = await stateOf(folder)
        if (state === seen || state === '') return
        const tree = await putTree(blobs, folder, { ...limits, isLeftOut: path => unfinished.test(path) })
        // What has changed meanwhile may be half of the one and half of the other.
        if (!isOver && (await stateOf(folder)) !== state) return
        await keep(attempt, tree)
        seen = state
      }
      /** A file may go while it is read. What cannot be kept at all is told once. */
      const tell = (error: unknown): void => {
        const message = messageOf(error)
        if ((error as NodeJS.ErrnoException).code === 'ENOENT' || message === said) return
        said = message
        attempt.log(`The checkpoint could not be kept: ${message}`)
      }
      const timer = setInterval(() => (looking = looking.then(look).catch(tell)), everyMs)
      return {
        async end({ isNeeded }) {
          clearInterval(timer)
          isOver = true
          if (isNeeded) await looking.then(look).catch(tell)
          else await looking
        },
      }
    },
  }
}

/** Changes whenever a file does; empty without files. */
async function stateOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter(entry => !entry.isDirectory()).map(entry => join(entry.parentPath, entry.name))
  const files = paths.filter(path => !unfinished.test(path)).toSorted()
  const states = await Promise.all(
    files.map(async path => {
      const { size, mtimeMs, ino } = await lstat(path)
      return `${path} ${size} ${mtimeMs} ${ino}`
    }),
  )
  return states.join('\n')
}
