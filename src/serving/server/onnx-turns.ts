import { bufferSource } from '#kernel/byte-source.ts'
import { protobufReader } from '#kernel/protobuf-reader.ts'

/** Operators that run a graph as often as a value says, which may come with a request [ONNX, operators]. */
const turning = new Set(['Loop', 'Scan'])

/**
 * Whether a model of ONNX may compute for as long as a request wants, however cheap its example is: its graph, a graph within,
 * or a function that it brings along, has such an operator. Of what is no ONNX it is no.
 */
export function mayTurn(model: Buffer): boolean {
  // Most have none of the names, and trees have a million numbers to be read past.
  if (![...turning].some(name => model.includes(name))) return false
  const reader = protobufReader(bufferSource(model))
  let isFound = false
  // Field numbers as in onnx.proto3.
  const operator = (): void => void (isFound ||= turning.has(reader.text()))
  const attribute = (): void => reader.message({ parts: { 6: graph, 11: graph } })
  const node = (): void => reader.message({ parts: { 4: operator, 5: attribute } })
  const graph = (): void => reader.message({ parts: { 1: node } })
  const ownFunction = (): void => reader.message({ parts: { 7: node } })
  try {
    reader.message({ parts: { 7: graph, 25: ownFunction } })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return isFound
}
