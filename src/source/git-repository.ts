import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { z } from 'zod'
import type { Millis } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { git, gitEnvironment } from './git.ts'
import type { Head } from './store.ts'
import type { CommitWire } from './wire.ts'

export type Commit = z.output<typeof CommitWire>

/** A bare git repository in a folder: what git knows, and nothing that the platform does. */
export interface GitRepository {
  readonly folder: string
  /** The environment of every git process that works on it. */
  readonly env: Readonly<Record<string, string>>
  isThere(): Promise<boolean>
  /** Makes it unless it is there. */
  ensure(): Promise<void>
  /** Every branch. */
  heads(): Promise<readonly Head[]>
  head(branch: string): Promise<string | undefined>
  /** Throws `invalid` for what cannot be a commit, `not_found` for one that is not here. */
  requireCommit(commit: string): Promise<void>
  /** From a known commit backwards. */
  log(from: string, limit: number): Promise<readonly Commit[]>
  /** Of two known commits. */
  contains(ancestor: string, commit: string): Promise<boolean>
  /** Writes the files of a known commit into a folder, which is made. */
  checkout(commit: string, target: string): Promise<void>
  /** Removes what pushes that were killed before `olderThan` have left behind. */
  sweep(olderThan: number): Promise<void>
}

export function gitRepository(folder: string, path: string): GitRepository {
  const env = gitEnvironment({ path, repository: folder })
  const run = (...args: string[]): Promise<string> => git(['--git-dir', folder, ...args], env)
  const isThere = (): Promise<boolean> => exists(join(folder, 'HEAD'))

  /** Made beside and renamed into place: a crash leaves nothing or the whole. */
  async function make(): Promise<void> {
    await mkdir(dirname(folder), { recursive: true })
    const incoming = join(dirname(folder), `.incoming-${randomUUID()}`)
    await git(['init', '--quiet', '--bare', '--initial-branch=main', '--template=', incoming], env)
    crashPoint('source.initialised')
    await rename(incoming, folder).catch(async error => {
      await rm(incoming, { recursive: true, force: true })
      // Somebody else was first.
      if (!(await isThere())) throw error
    })
  }

  async function headsLike(pattern: string): Promise<readonly Head[]> {
    const text = await run('for-each-ref', '--format=%(objectname) %(refname:lstrip=2)', pattern)
    return text.split('\n').filter(Boolean).map(parseHead)
  }

  return {
    folder,
    env,
    isThere,
    async ensure() {
      if (!(await isThere())) await make()
    },
    heads: () => headsLike('refs/heads/'),
    head: async branch => (await headsLike(`refs/heads/${branch}`)).find(head => head.branch === branch)?.commit,

    async requireCommit(commit) {
      if (!/^[0-9a-f]{40}$/.test(commit))
        throw invalid('This names no commit.', [{ field: 'commit', value: commit, allowed: '40 hex digits' }])
      await run('cat-file', '-e', `${commit}^{commit}`).catch(() => {
        throw notFound('commit', commit)
      })
    },

    log: async (from, limit) =>
      parseLog(
        await run(
          'log',
          '-z',
          `--max-count=${limit}`,
          '--format=%H%x1f%an%x1f%at%x1f%s',
          '--end-of-options',
          from,
          '--',
        ),
      ),
    contains: async (ancestor, commit) => (await run('rev-list', '--max-count=1', ancestor, '--not', commit)) === '',

    async checkout(commit, target) {
      await mkdir(target, { recursive: true })
      const index = `${folder}.index-${randomUUID()}`
      const withIndex = (...args: string[]): Promise<string> =>
        git(['--git-dir', folder, ...args], { ...env, GIT_INDEX_FILE: index })
      try {
        await withIndex('read-tree', commit)
        await withIndex('--work-tree', resolve(target), 'checkout-index', '--all', '--force')
      } finally {
        await rm(index, { force: true })
      }
    },

    async sweep(olderThan) {
      const objects = join(folder, 'objects')
      const names = (await readdir(objects).catch(() => [])).filter(name => name.startsWith('tmp_objdir-'))
      for (const name of names) {
        const found = await stat(join(objects, name)).catch(() => undefined)
        if (found && found.mtimeMs < olderThan) await rm(join(objects, name), { recursive: true, force: true })
      }
    },
  }
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined

const parseHead = (line: string): Head => ({
  commit: line.slice(0, line.indexOf(' ')),
  branch: line.slice(line.indexOf(' ') + 1),
})

const parseLog = (text: string): Commit[] =>
  text
    .split('\0')
    .filter(Boolean)
    .map(line => {
      const [commit, author, seconds, subject] = line.split('\x1f') as [string, string, string, string]
      return { commit, author, at: (Number(seconds) * 1_000) as Millis, subject }
    })
