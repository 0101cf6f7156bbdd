import { promisify } from 'node:util'
import { deflate, gunzip, gzip, inflate } from 'node:zlib'
import { RequestError } from './request-error.ts'

/** Bodies that are sent compressed. Off the event loop: zlib has threads of its own. */

export const bodyBytesMax = 64 * 1024 * 1024
/** A body of this many bytes is taken however small it was made; a larger one only if it shrank no further than this. */
const freeBytes = 1024 * 1024
const ratioMax = 100
/** A shorter answer is not worth it. */
const encodedBytesMin = 1_024

/** What clients may say: deflate is the one with zlib's frame [RFC 9110, 8.4.1.2]. */
const decoders = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) }
const encoders = { gzip: promisify(gzip), deflate: promisify(deflate) }
export const encodings = Object.keys(encoders).join(', ')

export const isDecodable = (encoding: string): encoding is keyof typeof decoders => Object.hasOwn(decoders, encoding)

/** The body as it was before it was compressed. Rejects with `RequestError` when it is none, or grows out of measure. */
export async function decoded(body: Buffer, encoding: keyof typeof decoders): Promise<Buffer> {
  const maxOutputLength = Math.min(bodyBytesMax, Math.max(freeBytes, ratioMax * body.length))
  try {
    return await decoders[encoding](body, { maxOutputLength })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new RequestError(
        'too_large',
        `The body, ${body.length} bytes of ${encoding}, becomes more than ${maxOutputLength}.`,
      )
    throw new RequestError('invalid', `The body is no ${encoding}: ${(error as Error).message}.`)
  }
}

/** The encoding to answer with; undefined when the client asks for none, or the body is too short. */
export function encodingFor(accepted: string | undefined, bytes: number): keyof typeof encoders | undefined {
  if (accepted === undefined || bytes < encodedBytesMin) return undefined
  const wanted = accepted.toLowerCase().split(',')
  const isWanted = (name: string): boolean =>
    wanted.some(each => {
      const [coding = '', weight = ''] = each.split(';')
      return coding.trim() === name && !/^\s*q=0(\.0*)?\s*$/.test(weight)
    })
  return isWanted('gzip') ? 'gzip' : isWanted('deflate') ? 'deflate' : undefined
}

export const encoded = (body: Buffer | string, encoding: keyof typeof encoders): Promise<Buffer> =>
  encoders[encoding](body)
