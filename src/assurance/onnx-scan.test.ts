import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bufferSource } from '#kernel/byte-source.ts'
import { onnxFindings } from './onnx-scan.ts'

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
/** A field of a message [Protocol Buffers, encoding]. */
const field = (number: number, value: number | string | Buffer): Buffer => {
  if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)])
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes])
}
const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields)

const tensor = (location: string): Buffer =>
  message(field(8, 'w'), field(9, Buffer.alloc(300)), field(13, message(field(1, 'location'), field(2, location))))
const node = (domain: string, ...attributes: readonly Buffer[]): Buffer =>
  message(field(1, 'x'), field(4, 'Op'), field(7, domain), ...attributes.map(each => field(5, each)))
const model = (graph: Buffer, ...more: readonly Buffer[]): Buffer =>
  message(field(1, 8), field(2, 'a test'), field(7, graph), field(8, message(field(1, ''), field(2, 17))), ...more)
const told = (bytes: Buffer): readonly string[] =>
  onnxFindings(bufferSource(bytes)).map(({ severity, what }) => `${severity}: ${what}`)

const plain = model(message(field(1, node('')), field(1, node('ai.onnx.ml')), field(5, tensor('weights/a.bin'))))

test('a model says which operators it needs and where its weights are', () => {
  assert.deepEqual(told(plain), ['info: reads its weights from weights/a.bin', 'info: 2 operators of ai.onnx 17'])
})

test('weights outside of the folder are found wherever a tensor may stand', () => {
  const [up, root, drive] = ['../../etc/passwd', '/etc/passwd', String.raw`c:\keys`]
  const inner = message(field(15, message(field(1, tensor(root)))), field(1, node('', field(10, tensor(drive)))))
  const bytes = model(message(field(1, node('', field(6, inner))), field(5, tensor(up))))

  assert.deepEqual(
    told(bytes),
    [root, drive, up]
      .map(path => `danger: reads ${path}, outside of the model's folder`)
      .concat('info: 2 operators of ai.onnx 17'),
  )
})

test('operators of others are named, unless the model brings them along', () => {
  const own = field(25, message(field(1, 'F'), field(7, node('')), field(10, 'mine')))
  const bytes = model(message(field(1, node('mine')), field(1, node('evil.ops'))), own)

  assert.deepEqual(told(bytes), [
    'suspicious: needs operators of evil.ops, which a runtime loads as code',
    'info: 3 operators of ai.onnx 17',
  ])
})

test('what is no ONNX, or not whole, is suspicious', () => {
  const deep = Array.from({ length: 70 }).reduce<Buffer>(
    graph => message(field(1, node('', field(6, graph)))),
    message(),
  )
  const lacks = 'suspicious: is not ONNX: it lacks a version of the format, a graph or a set of operators'
  const broken = (why: string): string => `suspicious: is not ONNX to its end: it ${why}`

  assert.deepEqual(
    [
      Buffer.alloc(0),
      field(1, 8),
      plain.subarray(0, 200),
      message(plain, Buffer.from([0x4f])),
      message(field(7, 5)),
      message(field(1, 'text')),
      model(deep),
      Buffer.alloc(40, 0xff),
      message(field(7, message(Buffer.from([0x0a, 0x7f])))),
    ].map(bytes => told(bytes)),
    [
      [lacks],
      [lacks],
      [broken('ends in the middle')],
      [broken('has a field of an unknown type, 7')],
      [broken('has the field 7 with another type')],
      [broken('has the field 1 with another type')],
      [broken('has graphs within graphs deeper than 64')],
      [broken('has a number longer than 10 bytes')],
      [broken('has a part that is longer than the whole')],
    ],
  )
})
