import type { FastifyInstance, FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import { giveBack } from '#kernel/give-back.ts'

/**
 * The memory of a stream of bytes is given back as the response sends it: however much passes, little is held. The chunks
 * of a stream of objects stay their maker's.
 */
export function giveBackSent(app: FastifyInstance): void {
  app.addHook('onSend', async (_, { raw }: FastifyReply, payload) => {
    if (payload instanceof Readable && isOfBytes(payload)) {
      const write = raw.write.bind(raw) as (chunk: Uint8Array, sent: () => void) => boolean
      raw.write = (chunk: Uint8Array): boolean => write(chunk, () => giveBack(chunk))
    }
    return payload
  })
}

/** A stream with an encoding gives texts. */
const isOfBytes = (stream: Readable): boolean => !stream.readableObjectMode && stream.readableEncoding === null
