import type { Readable } from 'node:stream'
import { conflict, invalid, notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { identifier, literal } from '#storage'
import { learnContract, type Contract } from './contract.ts'
import { csvShape } from './csv-shape.ts'
import type { Arrival, DatasetVersion, DatasetVersionId, Sample, SourceState } from './dataset-version.ts'
import { arrived, contractKept } from './events.ts'
import { declaredSource, requiredColumns, type DataDeps } from './ingest.ts'
import { requireColumns } from './read-rows.ts'
import { watchFiles } from './watch.ts'

export interface Upload {
  readonly project: string
  readonly source: string
  readonly bytes: Readable
  readonly actor: string
}

/** Where a project's data comes from, what it was at each time, and what it must go on to be. */
export interface Data {
  /**
   * Takes an upload, which the next run reads. What can be told from the bytes alone is told at once: throws `invalid`
   * or `data_broken` on an empty file, bad encoding, a header that lacks a declared column; and `conflict` when the
   * source has a place of its own.
   */
  arrive(upload: Upload): Promise<Arrival>
  /** Throws `not_found`. */
  version(id: string): Promise<DatasetVersion>
  latest(project: string, source: string): Promise<DatasetVersion | undefined>
  /** Newest first. */
  versions(project: string, source: string, page: PageRequest): Promise<Page<DatasetVersion>>
  /** Of all sources, also of those that the project declares no more, in the order of their ids. */
  versionsOfProject(project: string, page: PageRequest): Promise<Page<DatasetVersion>>
  /** What is expected of the source; undefined until a first version was validated. */
  contract(project: string, source: string): Promise<Contract | undefined>
  /** Takes the newest version for normal: the contract is learned from it, and it is kept. */
  acceptNewest(request: { project: string; source: string; actor: string; reason: string }): Promise<Contract>
  /** The sources that the project declares now. */
  sources(project: string): Promise<readonly SourceState[]>
  /** The first rows, as read. */
  sample(id: string, limit: number): Promise<Sample>
  /** Looks after files on the server until `stop`: each change is announced as arrived data. */
  watch(): void
  stop(): Promise<void>
}

export function createData(deps: DataDeps): Data {
  const { store, projects, outbox, clock } = deps
  const watcher = watchFiles(deps)

  async function version(id: string): Promise<DatasetVersion> {
    const found = await store.find(id as DatasetVersionId)
    if (!found) throw notFound('dataset version', id)
    return found
  }

  return {
    arrive: upload => arrive(deps, upload),

    version,
    latest: (project, source) => store.latest(project, source),
    versions: (project, source, page) => store.versions(project, source, page),
    versionsOfProject: (project, page) => store.ofProject(project, page),
    contract: async (project, source) => (await store.source(project, source)).contract,

    async acceptNewest({ project, source, actor, reason }) {
      const { spec } = declaredSource(await projects.current(project), source)
      const newest = await store.latest(project, source)
      if (!newest) throw conflict(`Source ${source} has no version yet.`, { source })
      const at = clock.now()
      const evidence = { version: newest.id, rows: newest.rows, at, actor, reason }
      const contract = { ...learnContract(newest.columns, { key: spec.key }), evidence }
      await store.transaction(async tx => {
        await store.setContract(tx, { project, source }, contract)
        await store.judge(tx, newest.id, { verdict: 'kept', violations: [], key: `accepted ${at}` })
        await outbox.emit(tx, contractKept, { project, actor, data: { source, version: newest.id } })
      })
      return contract
    },

    async sources(project) {
      const { spec } = await projects.current(project)
      const states = []
      for (const [name, { type }] of Object.entries(spec.sources)) {
        const [{ versions, contract }, latest] = [await store.source(project, name), await store.latest(project, name)]
        states.push({ project, name, type, versions, ...(latest ? { latest } : {}), ...(contract ? { contract } : {}) })
      }
      return states
    },

    sample: async (id, limit) => sample(deps, await version(id), limit),

    watch: watcher.start,
    stop: watcher.stop,
  }
}

async function arrive(deps: DataDeps, { project, source, bytes, actor }: Upload): Promise<Arrival> {
  const { store, blobs, projects, outbox, clock } = deps
  const { spec } = declaredSource(await projects.current(project), source)
  if (spec.type === 'sql' || spec.path !== undefined) {
    const message = `Source ${source} reads from a place of its own; only a source without a path takes uploads.`
    throw conflict(message, { source, type: spec.type })
  }
  const { digest, size } = await blobs.put(bytes)
  if (size === 0) throw invalid(`${source} was sent no data.`, [{ field: 'body', allowed: 'the bytes of a file' }])
  if (spec.type === 'csv') {
    const { columns } = await csvShape(await blobs.read(digest), source)
    requireColumns(source, columns, requiredColumns(spec))
  }
  const arrival = { digest, bytes: size, at: clock.now() }
  await store.transaction(async tx => {
    const isNew = await store.setArrival(tx, { project, source }, arrival)
    if (isNew) await outbox.emit(tx, arrived, { project, actor, data: { source, digest } })
  })
  return arrival
}

async function sample(
  { blobs, duckdb }: DataDeps,
  { digest, columns }: DatasetVersion,
  limit: number,
): Promise<Sample> {
  const shown = columns.map(({ name, type }) => {
    const value = identifier(name)
    if (type === 'date') return `strftime(${value}, '%Y-%m-%d') as ${value}`
    return type === 'timestamp' ? `strftime(${value}, '%Y-%m-%dT%H:%M:%S.%gZ') as ${value}` : value
  })
  const path = literal(await blobs.path(digest))
  const rows = await duckdb.query([`select ${shown.join(', ')} from read_parquet(${path}) limit ${limit}`])
  return { columns: columns.map(({ name, type }) => ({ name, type })), rows: [...rows] }
}
