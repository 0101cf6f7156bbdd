import { inflateRawSync } from 'node:zlib'
import { bufferSource, fileSource, readAt, type ByteSource } from '#kernel/byte-source.ts'

/** One file of a ZIP archive. `open` is undefined where its compression is none that is understood. */
export interface ZipEntry {
  readonly name: string
  readonly bytes: number
  readonly open: (() => ByteSource) | undefined
}

const entriesMax = 100_000
const commentMax = 65_535
const directoryMax = 64 * 1024 * 1024
const endSignature = 0x06054b50
const end64Signature = 0x06064b50
const entrySignature = 0x02014b50

/**
 * The files of a ZIP archive by its central directory, as Python's `zipfile` reads it [PKWARE APPNOTE 6.3.10, with
 * ZIP64]. `unpackedMax` bounds what one compressed entry may become. Undefined when there is no directory, or one that is
 * beyond reading.
 */
export function zipEntries(handle: number, fileBytes: number, unpackedMax: number): readonly ZipEntry[] | undefined {
  const directory = findDirectory(handle, fileBytes)
  if (!directory || directory.bytes > directoryMax) return undefined
  const table = readAt(handle, directory.start, Math.max(0, Math.min(directory.bytes, fileBytes - directory.start)))
  const entries: ZipEntry[] = []
  for (
    let at = 0;
    at + 46 <= table.length && table.readUInt32LE(at) === entrySignature && entries.length < entriesMax;
  ) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map(offset => table.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ]
    const extra = table.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes)
    const wide = wideNumbers(extra)
    const next = (offset: number): number => {
      const short = table.readUInt32LE(at + offset)
      return short === 0xffffffff ? Number(wide.shift() ?? 0n) : short
    }
    const [bytes, packed, header] = [next(24), next(20), next(42)]
    entries.push({
      name: table.toString('utf8', at + 46, at + 46 + nameBytes),
      bytes,
      open: opener({ handle, header, packed, bytes, unpackedMax, method: table.readUInt16LE(at + 10) }),
    })
    at += 46 + nameBytes + extraBytes + commentBytes
  }
  return entries.length < entriesMax ? entries : undefined
}

interface Stored {
  readonly handle: number
  readonly header: number
  readonly packed: number
  readonly bytes: number
  readonly unpackedMax: number
  readonly method: number
}

function opener({ handle, header, packed, bytes, unpackedMax, method }: Stored): ZipEntry['open'] {
  const start = (): number => {
    const local = readAt(handle, header, 30)
    return local.length < 30 ? header : header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
  }
  if (method === 0) return () => fileSource(handle, start(), start() + packed)
  if (method !== 8 || bytes > unpackedMax || packed > unpackedMax) return undefined
  return () => bufferSource(inflateRawSync(readAt(handle, start(), packed), { maxOutputLength: unpackedMax }))
}

function findDirectory(handle: number, fileBytes: number): { start: number; bytes: number } | undefined {
  const tailStart = Math.max(0, fileBytes - commentMax - 22)
  const tail = readAt(handle, tailStart, fileBytes - tailStart)
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endSignature) continue
    const [bytes, start] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)]
    if (start !== 0xffffffff || at < 20) return { start, bytes }
    const end64 = readAt(handle, Number(tail.readBigUInt64LE(at - 12)), 56)
    if (end64.length < 56 || end64.readUInt32LE(0) !== end64Signature) return undefined
    return { start: Number(end64.readBigUInt64LE(48)), bytes: Number(end64.readBigUInt64LE(40)) }
  }
  return undefined
}

/** The 64-bit numbers of the ZIP64 extra field, in the order of the fields that they stand in for. */
function wideNumbers(extra: Buffer): bigint[] {
  for (let at = 0; at + 4 <= extra.length;) {
    const [id, size] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)]
    if (id === 1) {
      const numbers = []
      for (let n = at + 4; n + 8 <= Math.min(at + 4 + size, extra.length); n += 8)
        numbers.push(extra.readBigUInt64LE(n))
      return numbers
    }
    at += 4 + size
  }
  return []
}
