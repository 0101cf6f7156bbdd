import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { giveBack } from '#kernel/give-back.ts'
import { createMeter, type Measured } from './meter.ts'

/**
 * Writes a stream to a new file and says what it was; when it returns the bytes survive a crash of the machine. The chunks
 * of a stream of bytes (a request, a file) are given away with it; those of a stream of objects stay their maker's.
 */
export async function writeStream(path: string, source: Readable): Promise<Measured> {
  const isGiven = !source.readableObjectMode
  const { through, result } = createMeter()
  const file = await open(path, 'wx')
  try {
    await pipeline(source, through, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        await file.appendFile(chunk)
        if (isGiven) giveBack(chunk)
      }
    })
    await file.sync()
  } finally {
    await file.close()
  }
  return result()
}
