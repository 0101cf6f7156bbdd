import { stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { TrainyardError, invalid, type Problem } from '#kernel/error.ts'
import type { Digest } from '#kernel/digest.ts'
import { maskOf } from '#kernel/mask.ts'
import type { Revision, SourceSpec } from '#project'
import type { Secrets } from '#secrets'
import { readTree, type Blobs } from '#storage'
import { databaseAddress, hiddenOf } from './database-address.ts'
import { csvShape, type CsvShape } from './csv-shape.ts'
import { exportSql } from './sql-export.ts'
import type { DataStore } from './store.ts'

/** The bytes of a source as they are now, kept. */
export interface RawData {
  readonly digest: Digest
  readonly path: string
  /** Absent for Parquet. */
  readonly csv?: CsvShape
  /** Where they came from, in words and without secrets. */
  readonly origin: string
}

interface Where {
  readonly blobs: Blobs
  readonly store: DataStore
  readonly secrets: Pick<Secrets, 'use'>
  readonly revision: Revision
  readonly source: string
  readonly spec: SourceSpec
  /** For temporary files; the caller removes it. */
  readonly folder: string
  readonly signal: AbortSignal
}

const attemptsMax = 3

/**
 * Keeps a source's bytes as a blob: the last upload, a file of the project's code (a relative path), a file on the
 * server (an absolute one), or the rows of a query as CSV. Throws `invalid` when there is nothing, or nothing that can
 * be read; `unavailable` when a file on the server is not there now.
 */
export async function rawData(where: Where): Promise<RawData> {
  const { digest, origin } = await bytesOf(where)
  const { blobs, source, spec } = where
  const raw = { digest, path: await blobs.path(digest), origin }
  if (spec.type === 'parquet') return raw
  return { ...raw, csv: { ...(await csvShape(await blobs.read(digest), source)), keepsEmptyText: spec.type === 'sql' } }
}

async function bytesOf({ spec, ...where }: Where): Promise<{ digest: Digest; origin: string }> {
  if (spec.type === 'sql') return queried(where, spec)
  if (spec.path === undefined) return uploaded(where)
  if (!isAbsolute(spec.path)) return { digest: await codeFile(where, spec.path), origin: spec.path }
  return { digest: await serverFile(where, spec.path), origin: spec.path }
}

async function uploaded({ store, revision, source }: Omit<Where, 'spec'>): Promise<{ digest: Digest; origin: string }> {
  const { arrival } = await store.source(revision.project, source)
  const upload = `PUT /api/v1/projects/${revision.project}/sources/${source}/data`
  if (!arrival) throw absent(source, { field: `sources.${source}`, allowed: `data that was uploaded with ${upload}` })
  return { digest: arrival.digest, origin: 'upload' }
}

async function codeFile({ blobs, revision, source }: Omit<Where, 'spec'>, path: string): Promise<Digest> {
  const clean = path.replace(/^(\.\/)+/, '')
  const file = (await readTree(blobs, revision.code))[clean]
  if (!file)
    throw absent(source, {
      field: `sources.${source}.path`,
      value: path,
      allowed: 'a file of the repository, or an absolute path on the server',
    })
  return file.digest
}

/** A file that is being written while it is read is read again. */
async function serverFile({ blobs, source }: Omit<Where, 'spec'>, path: string): Promise<Digest> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const before = await fileState(path)
    if (before === undefined)
      throw new TrainyardError('unavailable', `Source ${source}: there is no file ${path} now.`, { source, path })
    const { digest } = await blobs.putFile(path)
    if ((await fileState(path)) === before) return digest
  }
  throw new TrainyardError('unavailable', `Source ${source}: ${path} changes while it is read.`, { source, path })
}

/** Modification time and size, or undefined when there is no such file. */
export async function fileState(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? `${found.mtimeMs}:${found.size}` : undefined
}

async function queried(
  where: Omit<Where, 'spec'>,
  { database, query }: Extract<SourceSpec, { type: 'sql' }>,
): Promise<{ digest: Digest; origin: string }> {
  const { blobs, revision, secrets, source, folder, signal } = where
  const target = join(folder, 'query.csv')
  const address =
    typeof database === 'string'
      ? database
      : await databaseAddress(secrets, {
          project: revision.project,
          secret: database.secret,
          by: `source ${source}`,
          refusal: `Source ${source} has no data.`,
        })
  const job = { database: await located({ blobs, revision, source }, address), query, target }
  const mask = maskOf(typeof database === 'string' ? [] : hiddenOf(address))
  await exportSql(job, { name: source, mask, signal })
  const origin = typeof database === 'string' ? database.replace(/\/\/[^@/]*@/, '//') : `secret ${database.secret}`
  return { digest: (await blobs.putFile(target)).digest, origin }
}

/** An SQLite file on the server, or one of the code: its blob is read in place, and never written. */
async function located(
  { blobs, revision, source }: Pick<Where, 'blobs' | 'revision' | 'source'>,
  database: string,
): Promise<string> {
  const path = database.startsWith('sqlite:') ? database.slice('sqlite:'.length) : undefined
  if (path === undefined || isAbsolute(path)) return database
  const file = (await readTree(blobs, revision.code))[path]
  if (!file)
    throw absent(source, {
      field: `sources.${source}.database`,
      value: database,
      allowed: 'sqlite: and a file of the repository or an absolute path',
    })
  return `sqlite:${await blobs.path(file.digest)}?immutable=1`
}

const absent = (source: string, problem: Problem): TrainyardError => invalid(`Source ${source} has no data.`, [problem])
