import { crc32, gzipSync } from 'node:zlib'

/** Archives of a few small files, in memory: the same files give the same bytes. */

export interface ArchivedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

const blockBytes = 512

/** A tar archive, gzipped [POSIX.1-1988 ustar]. Throws `RangeError` for a path that has no place in a header. */
export function tarGz(files: readonly ArchivedFile[]): Buffer {
  const blocks = files.flatMap(({ path, bytes }) => [
    tarHeader(path, bytes.length),
    bytes,
    Buffer.alloc(-bytes.length & (blockBytes - 1)),
  ])
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]))
}

function tarHeader(path: string, size: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  const { prefix, name } = tarName(path)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  header.write(name, 0)
  header.write(octal(0o644, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  header.write(octal(size, 11), 124)
  header.write(octal(0, 11), 136)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  header.write(prefix, 345)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

function tarName(path: string): { prefix: string; name: string } {
  const [nameMax, prefixMax] = [100, 155]
  if (Buffer.byteLength(path) <= nameMax) return { prefix: '', name: path }
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (Buffer.byteLength(name) <= nameMax && Buffer.byteLength(prefix) <= prefixMax) return { prefix, name }
  }
  throw new RangeError(`The path ${path} is too long for an archive.`)
}

/** The first day that a ZIP archive can name: 1980-01-01. */
const zipDate = (1 << 5) | 1
const utf8Names = 0x800

/** A ZIP archive without compression, as a wheel is one [PKWARE APPNOTE 6.3.10]. */
export function zip(files: readonly ArchivedFile[]): Buffer {
  const parts: Uint8Array[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { path, bytes } of files) {
    const name = Buffer.from(path)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(utf8Names, 2)
    common.writeUInt16LE(zipDate, 8)
    common.writeUInt32LE(crc32(bytes), 10)
    common.writeUInt32LE(bytes.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(name.length, 22)
    const start = offset
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, bytes)
    offset += 4 + common.length + name.length + bytes.length
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(0o100644 * 0x10000, 6)
    tail.writeUInt32LE(start, 10)
    // Made by version 2.0 under Unix: that is what gives the mode its meaning.
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, tail, name)
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(files.length, 4)
  end.writeUInt16LE(files.length, 6)
  end.writeUInt32LE(entries.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...parts, entries, Buffer.from('PK\x05\x06', 'latin1'), end])
}
