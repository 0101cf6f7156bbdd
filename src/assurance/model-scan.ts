import { closeSync, fstatSync, openSync } from 'node:fs'
import { gunzipSync, inflateSync } from 'node:zlib'
import type { z } from 'zod'
import { bufferSource, fileSource, readAt, type ByteSource } from '#kernel/byte-source.ts'
import { onnxFindings } from './onnx-scan.ts'
import { pickleFindings, type Finding } from './pickle-risk.ts'
import { readPickle, type PickleReport } from './pickle.ts'
import type { FileScanWire } from './wire.ts'
import { zipEntries } from './zip.ts'

/** What one file of a model is, and what it would do when somebody loads it. Findings are worst first. */
export type FileScan = z.output<typeof FileScanWire>

const unpackedMax = 256 * 1024 * 1024
const picklesMax = 64
const headBytes = 16

/** Reads a file of a model without loading it. Blocks: for a process of its own. */
export function scanFile(path: string, file: string): FileScan {
  const handle = openSync(file, 'r')
  try {
    const { size } = fstatSync(handle)
    const head = readAt(handle, 0, headBytes)
    if (isZip(head)) return scanArchive(path, handle, size)
    const packing = packingOf(head)
    if (packing?.unpack === undefined && packing !== undefined)
      return result(
        path,
        'other',
        [],
        [{ severity: 'suspicious', what: `is packed with ${packing.name}, which is not looked into` }],
      )
    if (packing && size > unpackedMax) throw new RangeError(`It is larger than ${unpackedMax} bytes.`)
    const source = packing?.unpack ? bufferSource(packing.unpack(readAt(handle, 0, size))) : fileSource(handle, 0, size)
    return scanSource(path, source)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return result(path, 'other', [], [{ severity: 'suspicious', what: `cannot be unpacked: ${why}` }])
  } finally {
    closeSync(handle)
  }
}

function scanSource(path: string, source: ByteSource): FileScan {
  const peeked = peekable(source)
  const head = peeked.head
  if (isNumpy(head)) return result(path, 'numpy', numpyPickles(peeked))
  if (isPickle(path, head)) return result(path, 'pickle', readPickles(peeked))
  if (/\.onnx$/i.test(path)) return result(path, 'onnx', [], onnxFindings(peeked))
  if (head.subarray(1, 4).toString('latin1') === 'HDF') return result(path, 'hdf5', [])
  const hidden = hiddenPickle(peeked)
  return hidden ? result(path, 'pickle', [hidden]) : result(path, 'other', [])
}

/** PyTorch, Keras and NumPy archives: what would be unpickled from inside is read. */
function scanArchive(path: string, handle: number, size: number): FileScan {
  const entries = zipEntries(handle, size, unpackedMax)
  if (!entries)
    return result(
      path,
      'archive',
      [],
      [{ severity: 'suspicious', what: 'is an archive without a directory that can be read' }],
    )
  const unread: Finding[] = []
  const pickles = entries.flatMap(entry => {
    const source = entry.open?.()
    if (!source) {
      unread.push({
        severity: 'suspicious',
        what: `holds ${entry.name}, which is packed in a way that is not looked into`,
      })
      return []
    }
    return scanSource(entry.name, source).pickles.map(report => ({ ...report, entry: entry.name }))
  })
  return result(path, 'archive', pickles, unread)
}

/** Pickles that stand one after the other: a loader that is called twice reads the second too. */
function readPickles(source: ByteSource): PickleReport[] {
  const reports: PickleReport[] = []
  while (!source.atEnd() && reports.length < picklesMax) {
    const report = readPickle(source)
    // Behind a whole pickle, what is none and imports nothing is data of the format.
    if (reports.length > 0 && report.broken !== undefined && report.imports.length === 0) break
    reports.push(report)
    if (report.broken !== undefined) return reports
  }
  if (!source.atEnd() && reports.length === picklesMax)
    reports.push({ ...reports.pop()!, broken: `More than ${picklesMax} pickles follow each other.` })
  return reports
}

/**
 * A pickle of the old protocols under a name that tells nothing: it reads to its end, and what it imports are names. Text
 * hardly ever does both.
 */
function hiddenPickle(source: ByteSource): PickleReport | undefined {
  const report = readPickle(source)
  const isCode = report.imports.length > 0 && report.imports.every(name => /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(name))
  return report.broken === undefined && isCode ? report : undefined
}

/** An array of objects is a pickle behind the header [NumPy enhancement proposal 1]. */
function numpyPickles(source: ByteSource): PickleReport[] {
  const version = source.read(8)[6] ?? 1
  const length = version === 1 ? source.read(2).readUInt16LE(0) : source.read(4).readUInt32LE(0)
  return /'descr': '?\|?O/.test(source.read(Math.min(length, 1 << 20)).toString('latin1')) ? readPickles(source) : []
}

function result(
  path: string,
  format: FileScan['format'],
  pickles: FileScan['pickles'],
  more: readonly Finding[] = [],
): FileScan {
  const found = pickles.flatMap(({ entry, ...report }) =>
    pickleFindings(report).map(({ severity, what }) => ({
      severity,
      what: entry === undefined ? what : `${entry} ${what}`,
    })),
  )
  const rank = { danger: 0, suspicious: 1, info: 2 } as const
  const findings = [...found, ...more].toSorted((a, b) => rank[a.severity] - rank[b.severity])
  return { path, format, pickles, findings }
}

function peekable(source: ByteSource): ByteSource & { readonly head: Buffer } {
  let head = source.read(headBytes)
  const all = head
  return {
    head: all,
    read(length) {
      const kept = head.subarray(0, length)
      head = head.subarray(kept.length)
      return kept.length === length ? kept : Buffer.concat([kept, source.read(length - kept.length)])
    },
    skip(length) {
      const kept = Math.min(length, head.length)
      head = head.subarray(kept)
      source.skip(length - kept)
    },
    atEnd: () => head.length === 0 && source.atEnd(),
  }
}

const isZip = (head: Buffer): boolean => head.subarray(0, 4).toString('latin1') === 'PK\x03\x04'
const isNumpy = (head: Buffer): boolean => head.subarray(0, 6).toString('latin1') === '\x93NUMPY'
/** Since protocol 2 a pickle begins with PROTO and its number; older ones are told by the name of their file. */
const isPickle = (path: string, head: Buffer): boolean =>
  (head[0] === 0x80 && (head[1] ?? 99) <= 5) || /\.(pkl|pickle|joblib|dill|pt|pth|sav)$/i.test(path)

interface Packing {
  readonly name: string
  readonly unpack?: (bytes: Buffer) => Buffer
}

function packingOf(head: Buffer): Packing | undefined {
  const limit = { maxOutputLength: unpackedMax }
  const start = head.toString('hex')
  if (start.startsWith('1f8b')) return { name: 'gzip', unpack: bytes => gunzipSync(bytes, limit) }
  if (/^78(01|5e|9c|da)/.test(start)) return { name: 'zlib', unpack: bytes => inflateSync(bytes, limit) }
  if (start.startsWith('425a68')) return { name: 'bzip2' }
  if (start.startsWith('fd377a585a00')) return { name: 'xz' }
  if (/^5d0000[0-9a-f]{2}00/.test(start)) return { name: 'lzma' }
  return undefined
}
