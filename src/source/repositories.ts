import { join, resolve } from 'node:path'
import type { z } from 'zod'
import type { Clock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { toPage, type Page, type PageRequest } from '#kernel/page.ts'
import type { Outbox } from '#storage'
import { gitRepository, type Commit, type GitRepository } from './git-repository.ts'
import { usualPath } from './git.ts'
import { createScanner } from './scanner.ts'
import type { RepositoryRecord, RepositoryStore } from './store.ts'
import type { RepositoryWire } from './wire.ts'

export type Repository = z.output<typeof RepositoryWire>

/** The paper's source repository (C2): one bare git repository for each project, and news of what was pushed. */
export interface Repositories {
  /** The project's repository, made when there is none. */
  create(project: string): Promise<Repository>
  find(project: string): Promise<Repository | undefined>
  /** Whether there is one: asks nothing of git. */
  has(project: string): Promise<boolean>
  /** Projects that have a repository, in pages; the oldest first. */
  projects(page: PageRequest): Promise<Page<string>>
  /** The commit at the head of a branch, `main` when none is named; undefined while there is none. */
  head(project: string, branch?: string): Promise<string | undefined>
  /** Newest first; of `main` when no branch is named. Empty while there is no commit. */
  log(project: string, options: { limit: number; branch?: string }): Promise<readonly Commit[]>
  /** Throws `not_found`. */
  commitInfo(project: string, commit: string): Promise<Commit>
  /** Whether `ancestor` is `commit` or stands in its history. */
  contains(project: string, ancestor: string, commit: string): Promise<boolean>
  /** Writes the files of a commit, without history, into a folder, which is made. Throws `not_found`. */
  checkout(project: string, commit: string, folder: string): Promise<void>
  /**
   * Announces every branch whose head is not the announced one, of one project or of all. `actor` is who pushed, when
   * known. Called after each push, at start and now and then: what a crash has swallowed is found by the next call.
   */
  scan(options?: { project?: string; actor?: string }): Promise<void>
  /** The repository on disk: for the HTTP door of this component. */
  place(project: string): Promise<Pick<GitRepository, 'folder' | 'env'> | undefined>
  /** Scans now and every half minute, until `stop`. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface RepositoriesDeps {
  readonly store: RepositoryStore
  readonly outbox: Outbox
  readonly clock: Clock
  /** Holds all repositories. */
  readonly folder: string
  /** Where this server is reached, without a slash at the end; known once it listens. */
  readonly baseUrl: () => string
  /** Folders in which the git program and its helpers are looked for. */
  readonly path?: string
  readonly warn: (facts: object, message: string) => void
}

export function createRepositories(deps: RepositoriesDeps): Repositories {
  const { store, clock, folder, baseUrl, path = usualPath } = deps
  const root = resolve(folder)
  const onDisk = ({ id }: RepositoryRecord): GitRepository => gitRepository(join(root, `${id}.git`), path)
  const scanner = createScanner({ ...deps, onDisk })

  async function known(project: string): Promise<RepositoryRecord> {
    const record = await store.find(project)
    if (!record) throw notFound('repository', project)
    return record
  }

  /** The repository on disk, made if a crash came before that. */
  async function ready(record: RepositoryRecord): Promise<GitRepository> {
    const repository = onDisk(record)
    await repository.ensure()
    return repository
  }

  async function withCommits(project: string, ...commits: string[]): Promise<GitRepository> {
    const repository = await ready(await known(project))
    for (const commit of commits) await repository.requireCommit(commit)
    return repository
  }

  async function describe(record: RepositoryRecord): Promise<Repository> {
    const head = await (await ready(record)).head('main')
    const { project, createdAt } = record
    return { project, url: `${baseUrl()}/git/${project}.git`, ...(head === undefined ? {} : { head }), createdAt }
  }

  return {
    create: async project =>
      describe(await store.findOrAdd({ id: newId<'repository'>('rep'), project, createdAt: clock.now() })),

    async find(project) {
      const record = await store.find(project)
      return record && describe(record)
    },

    has: async project => (await store.find(project)) !== undefined,

    async projects({ limit, after }) {
      const { items, next } = toPage(await store.list(limit + 1, after), limit, ({ id }) => id)
      return { items: items.map(({ project }) => project), ...(next !== undefined && { next }) }
    },

    head: async (project, branch = 'main') => (await ready(await known(project))).head(branch),

    async log(project, { limit, branch = 'main' }) {
      const repository = await ready(await known(project))
      const head = await repository.head(branch)
      return head === undefined ? [] : repository.log(head, limit)
    },

    commitInfo: async (project, commit) => (await (await withCommits(project, commit)).log(commit, 1))[0]!,
    contains: async (project, ancestor, commit) =>
      (await withCommits(project, ancestor, commit)).contains(ancestor, commit),
    checkout: async (project, commit, target) => (await withCommits(project, commit)).checkout(commit, target),
    scan: async ({ project, actor } = {}) =>
      project === undefined ? scanner.scanAll() : scanner.scan(await known(project), actor),

    async place(project) {
      const record = await store.find(project)
      return record && ready(record)
    },

    start: scanner.start,
    stop: scanner.stop,
  }
}
