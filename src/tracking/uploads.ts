import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Clock } from '#kernel/clock.ts'
import { conflict, invalid, notFound, TrainyardError } from '#kernel/error.ts'
import type { Db } from '#storage'
import type { ArtifactFile, ArtifactOwner } from './artifact.ts'
import { filePath } from './artifact-path.ts'
import type { Artifacts } from './artifacts.ts'
import type { Upload, UploadPart } from './upload.ts'
import type { UploadParts } from './upload-parts.ts'
import type { UploadStore } from './upload-store.ts'

/**
 * Files that come in parts. A part may be sent again, by another connection, after a restart: until the upload is
 * complete, aborted or a day old. Nothing of it is seen at the path before it is complete.
 */
export interface Uploads {
  create(path: string, parts: number, owner: ArtifactOwner): Promise<Upload>
  /** Throws `not_found` for one that was aborted or has expired. */
  get(id: string): Promise<Upload>
  /** What has come so far, by number. */
  received(id: string): Promise<readonly UploadPart[]>
  putPart(id: string, number: number, bytes: Readable): Promise<UploadPart>
  /**
   * Joins the parts to the file. `etags` are those of parts 1, 2, 3 …; throws `invalid` naming a part that is missing
   * or other than it was. A repeat is harmless, also while the first is at work.
   */
  complete(id: string, etags: readonly string[]): Promise<void>
  /** A repeat is harmless. */
  abort(id: string): Promise<void>
  /** Removes what has expired. */
  sweep(): Promise<void>
  /** What a URL carries that stands for a permission until an instant; in an hour unless another is given. */
  sign(text: string, expiresAt?: number): Promise<{ readonly expires: number; readonly signature: string }>
  /** Throws `forbidden` on another text or after the instant. */
  verify(text: string, signed: { readonly expires: number; readonly signature: string }): Promise<void>
}

export interface UploadsParts {
  readonly db: Db
  readonly store: UploadStore
  readonly parts: UploadParts
  readonly artifacts: Pick<Artifacts, 'put' | 'place'>
  /** What URLs are signed with: the same for all servers of the installation. */
  secret(): Promise<string>
  readonly clock: Clock
}

const partsMax = 10_000
const lifeMs = 24 * 3_600_000
const signedMs = 3_600_000
const sweptAtOnce = 100

export function createUploads(given: UploadsParts): Uploads {
  const { store, parts, clock } = given
  let secret: Promise<string> | undefined
  const completing = new Map<string, Promise<ArtifactFile | undefined>>()

  async function get(id: string): Promise<Upload> {
    const upload = await store.find(id)
    if (!upload || upload.expiresAt <= clock.now()) throw notFound('upload', id)
    return upload
  }

  async function remove(id: string): Promise<void> {
    await parts.remove(id)
    await store.remove(id)
  }

  const expired = (): Promise<readonly string[]> => store.expired(clock.now(), sweptAtOnce)

  const sign: Uploads['sign'] = async (text, expires = clock.now() + signedMs) => {
    const signature = createHmac('sha256', await (secret ??= given.secret()))
      .update(`${expires}\n${text}`)
      .digest('hex')
    return { expires, signature }
  }

  return {
    get,
    sign,

    async create(path, count, owner) {
      if (count < 1 || count > partsMax)
        throw invalid('An upload has parts.', [{ field: 'num_parts', value: count, allowed: `1 to ${partsMax}` }])
      const upload = {
        ...owner,
        id: randomBytes(16).toString('hex'),
        path: filePath(path),
        parts: count,
        state: 'open' as const,
        expiresAt: clock.now() + lifeMs,
      }
      await store.insert(upload)
      return upload
    },

    received: async id => store.parts((await get(id)).id),

    async putPart(id, number, bytes) {
      const upload = await get(id)
      if (upload.state !== 'open') throw conflict('The upload is complete.', { state: upload.state })
      if (!Number.isInteger(number) || number < 1 || number > upload.parts)
        throw invalid('There is no such part.', [{ field: 'part', value: number, allowed: `1 to ${upload.parts}` }])
      const part = await parts.write(id, number, bytes)
      await store.putPart(id, part)
      return part
    },

    async complete(id, etags) {
      const upload = await get(id)
      if (upload.state === 'complete') return
      const running = completing.get(id) ?? join(given, upload, etags)
      completing.set(id, running)
      await running.finally(() => completing.delete(id))
    },

    async abort(id) {
      if (await store.find(id)) await remove(id)
    },

    async sweep() {
      for (let ids = await expired(); ids.length > 0; ids = await expired()) for (const id of ids) await remove(id)
    },

    async verify(text, { expires, signature }) {
      const expected = Buffer.from((await sign(text, expires)).signature)
      const given = Buffer.from(signature)
      const equal = given.length === expected.length && timingSafeEqual(given, expected)
      if (!equal || !(expires > clock.now()))
        throw new TrainyardError('forbidden', 'The signature of this URL is not valid, or no longer.')
    },
  }
}

/** Writes the file from its parts, one after the other. They are removed when it is in place. */
async function join(
  { db, store, parts, artifacts }: UploadsParts,
  upload: Upload,
  etags: readonly string[],
): Promise<ArtifactFile> {
  const received = new Map((await store.parts(upload.id)).map(part => [part.number, part]))
  const chosen = Array.from({ length: upload.parts }, (_, index) => {
    const part = received.get(index + 1)
    if (part && part.digest === etags[index]) return part
    throw invalid('The upload is not complete.', [
      { field: `parts[${index}].etag`, value: etags[index], allowed: part ? part.digest : 'a part that was sent' },
    ])
  })
  if (etags.length > chosen.length)
    throw invalid('The upload has fewer parts.', [
      { field: 'parts', value: etags.length, allowed: String(upload.parts) },
    ])
  const file = await artifacts.put(upload.path, parts.read(upload.id, chosen), upload)
  await db.transaction().execute(tx => store.complete(tx, upload.id))
  await parts.remove(upload.id)
  return file
}
