import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Resource } from '#access'
import type { App } from '#http'
import type { Digest } from '#kernel/digest.ts'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import { below, filePath, nameOf, type Upload, type Uploads } from '#tracking'
import { bodyOf, type ArtifactRouteParts } from './artifact-bytes.ts'
import { placeOf, type Place } from './artifact-place.ts'
import { sendAttachment } from './attachment.ts'
import { int64 } from './field.ts'
import type { Caller, Declare } from './route.ts'

export interface UploadRouteParts extends ArtifactRouteParts {
  readonly uploads: Uploads
}

const base = '/api/2.0/mlflow-artifacts'
/** Below this a download is one request to the proxy, which verifies the bytes, and not many to a signed URL. */
const rangesFromBytes = 16 * 1024 * 1024
const open = { config: { role: 'none' as const }, schema: { hide: true } as object }

/** `path` is the client's own name of the file: its last segment counts. */
const InDirectory = z.object({ '*': z.string(), path: z.string() })
const OfUpload = InDirectory.extend({ upload_id: z.string() })

/** Files in parts, and downloads from signed URLs. */
export const uploadCalls =
  (parts: UploadRouteParts) =>
  (declare: Declare): void => {
    const to: Target = ({ '*': directory, path }) =>
      placeOf(parts, below(directory, filePath(path.split(/[/\\]/).at(-1)!)))
    const may = ['edit', async (input: z.output<typeof InDirectory>) => (await to(input)).resource] as const
    startCalls(parts, { to, may }, declare)
    endCalls(parts, { to, may }, declare)
    downloadCall(parts, declare)
  }

type Target = (input: z.output<typeof InDirectory>) => Promise<Place>

interface Scope {
  readonly to: Target
  readonly may: readonly ['edit', (input: z.output<typeof InDirectory>) => Promise<Resource>]
}

/** An upload is addressed by its id and its path: an id that was seen elsewhere opens nothing. */
const addressing =
  (uploads: Uploads, to: Target) =>
  async (input: z.output<typeof OfUpload>): Promise<Upload> => {
    const upload = await uploads.get(input.upload_id)
    if (upload.path !== (await to(input)).path) throw notFound('upload', input.upload_id)
    return upload
  }

function startCalls({ uploads }: UploadRouteParts, { to, may }: Scope, declare: Declare): void {
  const addressed = addressing(uploads, to)
  declare({
    method: 'POST',
    path: '2.0/mlflow-artifacts/mpu/create/*',
    input: InDirectory.extend({ num_parts: int64.default(1) }),
    may,
    async handle(input, caller) {
      const place = await to(input)
      await uploads.sweep()
      const upload = await uploads.create(place.path, input.num_parts, place.owner())
      return { upload_id: upload.id, credentials: await credentials(uploads, upload, originOf(caller)) }
    },
  })

  // What a client that was interrupted asks before it goes on: ours, MLflow has nothing like it.
  declare({
    method: 'POST',
    path: '2.0/mlflow-artifacts/mpu/resume/*',
    input: OfUpload,
    may,
    async handle(input, caller) {
      const upload = await addressed(input)
      const received = await uploads.received(upload.id)
      return {
        upload_id: upload.id,
        parts: received.map(({ number, digest, size }) => ({ part_number: number, etag: digest, size })),
        credentials: await credentials(uploads, upload, originOf(caller)),
      }
    },
  })
}

function endCalls({ uploads }: UploadRouteParts, { to, may }: Scope, declare: Declare): void {
  const addressed = addressing(uploads, to)
  declare({
    method: 'POST',
    path: '2.0/mlflow-artifacts/mpu/complete/*',
    input: OfUpload.extend({ parts: z.array(z.object({ part_number: int64, etag: z.string() })) }),
    may,
    async handle(input) {
      const { id } = await addressed(input)
      const sorted = input.parts.toSorted((a, b) => a.part_number - b.part_number)
      const gap = sorted.findIndex(({ part_number }, index) => part_number !== index + 1)
      if (gap >= 0)
        throw invalid('Parts are numbered from 1 without gaps.', [
          { field: 'parts', value: sorted[gap]!.part_number, allowed: String(gap + 1) },
        ])
      await uploads.complete(
        id,
        sorted.map(({ etag }) => etag.replaceAll('"', '')),
      )
      return {}
    },
  })

  declare({
    method: 'POST',
    path: '2.0/mlflow-artifacts/mpu/abort/*',
    input: OfUpload,
    may,
    async handle(input) {
      await uploads.abort((await addressed(input)).id)
      return {}
    },
  })
}

function downloadCall(parts: UploadRouteParts, declare: Declare): void {
  const { uploads } = parts
  declare({
    method: 'GET',
    path: '2.0/mlflow-artifacts/presigned/*',
    input: z.object({ '*': z.string() }),
    may: ['read', async input => (await placeOf(parts, input['*'])).resource],
    async handle(input, caller) {
      const place = await placeOf(parts, input['*'])
      const { digest, size } = await place.file()
      const name = nameOf(place.path)
      const { expires, signature } = await uploads.sign(downloadText(digest, name, size))
      const query = `size=${size}&expires=${expires}&signature=${signature}`
      return {
        url: `${originOf(caller)}${base}/signed/${digest}/${encodeURIComponent(name)}?${query}`,
        headers: {},
        ...(size >= rangesFromBytes ? { file_size: size } : {}),
      }
    },
  })
}

/** Where the URLs lead that carry a signature instead of a token, and what a client asks first. */
export const uploadStreams =
  ({ artifacts, uploads }: UploadRouteParts) =>
  (scope: App): void => {
    scope.put(`${base}/mpu/parts/:upload/:number`, open, async (request, reply) => {
      const { upload, number } = request.params as { upload: string; number: string }
      await uploads.verify(partText(upload, number), signed(request))
      const { digest } = await uploads.putPart(upload, Number(number), bodyOf(request))
      void reply.header('etag', `"${digest}"`)
      return {}
    })

    scope.route({
      method: ['GET', 'HEAD'],
      url: `${base}/signed/:digest/:name`,
      ...open,
      async handler(request, reply) {
        const { digest, name } = request.params as { digest: Digest; name: string }
        const size = Number((request.query as { size?: string }).size)
        await uploads.verify(downloadText(digest, name, size), signed(request))
        return sendAttachment(request, reply, { name, digest, size }, range => artifacts.read({ digest }, range))
      },
    })

    for (const prefix of ['/api', '/ajax-api'])
      scope.get(`${prefix}/3.0/mlflow/server-info`, open, async () => ({
        store_type: 'SqlStore',
        workspaces_enabled: false,
        trace_archival_enabled: false,
        multipart_uploads_enabled: true,
        multipart_downloads_enabled: true,
        presigned_upload_run_id_supported: false,
        presigned_upload_model_id_supported: false,
        features_enabled: { gateway: false },
      }))
  }

const partText = (upload: string, number: string): string => `PUT ${upload} ${number}`
const downloadText = (digest: string, name: string, size: number): string => `GET ${digest} ${size} ${name}`

function signed({ query }: FastifyRequest): { expires: number; signature: string } {
  const { expires, signature } = query as Readonly<Record<string, unknown>>
  if (typeof expires === 'string' && /^\d{1,15}$/.test(expires) && typeof signature === 'string')
    return { expires: Number(expires), signature }
  throw new TrainyardError('forbidden', 'This URL needs its signature.')
}

const credentials = (uploads: Uploads, { id, parts, expiresAt }: Upload, origin: string): Promise<readonly object[]> =>
  Promise.all(
    Array.from({ length: parts }, async (_, index) => {
      const { expires, signature } = await uploads.sign(partText(id, String(index + 1)), expiresAt)
      const url = `${origin}${base}/mpu/parts/${id}/${index + 1}?expires=${expires}&signature=${signature}`
      return { url, part_number: index + 1, headers: {} }
    }),
  )

/** Where the client reached this server, by way of a proxy if one says so: its own answers lead there alone. */
function originOf({ headers, host, protocol }: Caller): string {
  const first = (value: string | readonly string[] | undefined): string | undefined =>
    (typeof value === 'string' ? value : value?.[0])?.split(',')[0]!.trim()
  return `${first(headers['x-forwarded-proto']) ?? protocol}://${first(headers['x-forwarded-host']) ?? host}`
}
