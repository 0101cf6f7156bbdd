import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { createOutbox, outboxMigrations, type Db, type Outbox } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { usualPath } from './git.ts'
import { createRepositories, type Repositories } from './repositories.ts'
import { sourceRoutes } from './routes.ts'
import { sqlRepositoryStore } from './store.sql.ts'
import { sourceMigrations } from './tables.ts'

/** A server of repositories, a folder to work in, and the real git client. */
export interface Bench {
  readonly folder: string
  readonly url: string
  readonly repositories: Repositories
  readonly db: Db
  readonly outbox: Outbox
  readonly warnings: object[]
  /** Runs the git client in a folder and answers what it printed, on both streams. Rejects when it fails. */
  client(cwd: string, ...args: string[]): Promise<string>
  /** The data of the events so far. */
  pushed(): Promise<unknown[]>
}

export async function openBench(t: TestContext): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-source-'))
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...sourceMigrations])
  const outbox = createOutbox({ db, clock: manualClock(), owner: 'test', warn: () => {} })
  const warnings: object[] = []
  const warn = (facts: object): void => void warnings.push(facts)
  const app = await createApp({ version: '0' })
  const bench = { url: '' }
  const repositories = createRepositories({
    store: sqlRepositoryStore(db),
    outbox,
    clock: manualClock(1_000_000_000_000),
    folder: join(folder, 'repositories'),
    baseUrl: () => bench.url,
    warn,
  })
  app.addHook('onRequest', async request => {
    request.actor = 'ada'
  })
  sourceRoutes(app, repositories, { parallel: 2, warn })
  bench.url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await repositories.stop()
    await app.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    folder,
    url: bench.url,
    repositories,
    db,
    outbox,
    warnings,
    client,
    pushed: async () => (await outbox.after(0, 1_000)).map(event => event.data),
  }
}

const run = promisify(execFile)
const identity = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  GIT_AUTHOR_DATE: '1000000000 +0000',
  GIT_COMMITTER_DATE: '1000000000 +0000',
}

export async function client(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...identity, PATH: usualPath, HOME: cwd, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }
  const { stdout, stderr } = await run('git', ['-c', 'init.defaultBranch=main', ...args], {
    cwd,
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  return (stdout + stderr).trim()
}
