import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import type { Digest } from '#kernel/digest.ts'
import { byteRange, type ByteRange } from './byte-range.ts'

/** A file as it is offered for download. */
export interface Download {
  readonly name: string
  readonly digest: Digest
  readonly size: number
}

/** Bytes of users are never a page of ours, whatever they say they are: always an attachment, and in a sandbox. */
export async function sendAttachment(
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
  { name, digest, size }: Download,
  read: (range?: ByteRange) => Promise<Readable>,
): Promise<FastifyReply> {
  void reply.headers({
    'content-type': typeOf(name),
    'content-disposition': disposition(name),
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    etag: `"${digest}"`,
  })
  const unchanged = headers['if-range'] === undefined || headers['if-range'] === `"${digest}"`
  const range = unchanged ? byteRange(headers.range, size) : undefined
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${size}`).send()
  if (range) void reply.code(206).header('content-range', `bytes ${range.from}-${range.to}/${size}`)
  void reply.header('content-length', range ? range.to - range.from + 1 : size)
  return method === 'HEAD' ? reply.send() : reply.send(await read(range))
}

/** Names beyond ASCII after RFC 6266 and 8187. */
function disposition(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return plain === name
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}

const types: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  gif: 'image/gif',
  gz: 'application/gzip',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  wav: 'audio/wav',
  webm: 'video/webm',
  webp: 'image/webp',
  zip: 'application/zip',
}

const text = /^(cfg|conf|csv|geojson|html?|js|json|log|md|mlmodel|mlproject|py|rst|sql|svg|toml|tsv|txt|xml|ya?ml)$/

/** Whatever a browser would run is plain text. */
function typeOf(name: string): string {
  const extension = (/\.([^.]+)$/.exec(name)?.[1] ?? '').toLowerCase()
  if (text.test(extension) || /^ML(model|project)$/.test(name)) return 'text/plain; charset=utf-8'
  return types[extension] ?? 'application/octet-stream'
}
