import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import type { App } from '#http'
import type { Digest } from '#kernel/digest.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { Digest as DigestWire } from '#kernel/wire.ts'
import type { Blobs } from '#storage'
import { senderOf, type BlobUploads } from './blob-uploads.ts'

const tags = ['blobs']
const params = z.object({ digest: DigestWire })
const BlobWire = z.object({ digest: DigestWire, size: z.int() }).meta({ title: 'Blob' })

/** The projects that bytes belong to, as far as the thing `of` says, which names them. */
export type BlobReach = (digest: Digest, of?: string) => Promise<readonly string[]>

export interface BlobRouteParts {
  readonly blobs: Blobs
  readonly uploads: BlobUploads
  readonly reach: BlobReach
}

const Through = z.object({
  of: z.string().max(64).optional().meta({
    description: 'The id of the task or model version that names the bytes, for who may not read everything.',
  }),
})

/** Bytes by digest: what `apply` sends before the project file, and what pages and people download. */
export function blobRoutes(app: App, { blobs, uploads, reach }: BlobRouteParts): void {
  app.post(
    '/api/v1/blobs/missing',
    {
      schema: {
        summary: 'Which of these blobs are not here yet',
        tags,
        body: z.object({ digests: z.array(DigestWire).max(10_000) }),
        response: { 200: z.object({ missing: z.array(DigestWire) }) },
      },
    },
    async ({ body, readable, caller }) => {
      const digests = body.digests as Digest[]
      const sent = readable === 'all' ? undefined : await uploads.sent(digests, senderOf(caller))
      const missing = []
      for (const digest of new Set(digests))
        if ((sent && !sent.has(digest)) || !(await blobs.keep(digest))) missing.push(digest)
      return { missing }
    },
  )

  app.get(
    '/api/v1/blobs/:digest',
    { schema: { summary: 'Download bytes', tags, params, querystring: Through } },
    async ({ params, query, readable }, reply) => {
      const digest = params.digest as Digest
      // What is not theirs to read is not there: the answer does not say which.
      if (readable !== 'all' && !(await reach(digest, query.of)).some(project => readable.includes(project)))
        throw notFound('artifact', digest)
      const bytes = await blobs.read(digest)
      return reply
        .headers({
          'content-type': 'application/octet-stream',
          'content-disposition': `attachment; filename="${digest}"`,
          // Bytes of users are never a page of ours, whatever they say they are.
          'content-security-policy': 'sandbox',
          'x-content-type-options': 'nosniff',
          'cache-control': 'private, max-age=31536000, immutable',
        })
        .send(bytes)
    },
  )

  // Uploads are streams of any content type; the parsers of the rest of the API would read them into memory.
  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_, payload, done) => done(null, payload))
    ;(scope as App).put(
      '/api/v1/blobs/:digest',
      { schema: { summary: 'Upload bytes, which must hash to the digest', tags, params, response: { 200: BlobWire } } },
      async request => {
        const body = (request.body as Readable | undefined) ?? Readable.from([])
        const digest = request.params.digest as Digest
        const blob = await blobs.put(Readable.from(verified(body, digest), { objectMode: false }))
        if (request.readable !== 'all') await uploads.note(digest, senderOf(request.caller))
        return blob
      },
    )
  })
}

/** Fails after the last byte when they are not those of the digest: what is stored stops there, and nothing is published. */
async function* verified(bytes: Readable, digest: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    hash.update(chunk)
    yield chunk
  }
  const found = hash.digest('hex')
  if (found !== digest)
    throw invalid('The bytes are not those of the digest.', [{ field: 'digest', value: digest, allowed: found }])
}
