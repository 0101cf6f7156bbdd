import { isAbsolute } from 'node:path'
import { arrived } from './events.ts'
import type { DataDeps } from './ingest.ts'
import { fileState } from './raw-data.ts'

const projectsPage = 100

interface Watched {
  readonly project: string
  readonly source: string
  readonly path: string
}

/**
 * Polls the files of sources with an absolute path. A file that has a new size or modification time, and keeps it for
 * one more look (nobody is writing any more), is announced as arrived data, unless it holds what came last.
 */
export function watchFiles(deps: DataDeps, pollMs = 2_000): { start(): void; stop(): Promise<void> } {
  const changing = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let looking = Promise.resolve()

  async function look(): Promise<void> {
    for await (const file of watchedFiles(deps)) {
      const key = `${file.project}/${file.source}`
      const state = await fileState(file.path)
      if (state === undefined || (await deps.store.source(file.project, file.source)).watched === state)
        changing.delete(key)
      else if (changing.get(key) === state) await announce(deps, file, state)
      else changing.set(key, state)
    }
  }

  return {
    start() {
      timer = setInterval(() => {
        // A look that failed (a file went away meanwhile) is followed by another one.
        looking = looking.then(look).catch(() => {})
      }, pollMs)
    },
    async stop() {
      clearInterval(timer)
      await looking
    },
  }
}

async function* watchedFiles({ projects }: DataDeps): AsyncGenerator<Watched> {
  let after: string | undefined
  do {
    const page = await projects.list({ limit: projectsPage, after })
    for (const { name: project } of page.items) {
      const { spec } = await projects.current(project)
      yield* Object.entries(spec.sources).flatMap(([source, declared]) => {
        const path = declared.type === 'sql' ? undefined : declared.path
        return path !== undefined && isAbsolute(path) ? [{ project, source, path }] : []
      })
    }
    after = page.next
  } while (after !== undefined)
}

async function announce(
  { store, blobs, outbox, clock }: DataDeps,
  { project, source, path }: Watched,
  state: string,
): Promise<void> {
  const { digest, size } = await blobs.putFile(path)
  const { arrival } = await store.source(project, source)
  // A run may have read the file before it was watched. Later, even bytes that are known are news: broken ones were mended.
  const isRead = arrival === undefined && (await store.isLatestRaw(project, source, digest))
  await store.transaction(async tx => {
    await store.setWatched(tx, { project, source }, state)
    const isNew = await store.setArrival(tx, { project, source }, { digest, bytes: size, at: clock.now() })
    if (isNew && !isRead) await outbox.emit(tx, arrived, { project, data: { source, digest } })
  })
}
