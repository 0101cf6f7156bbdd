import type { z } from 'zod'
import { invalid, type Problem } from '#kernel/error.ts'
import { outputKey } from './output-key.ts'
import type { SignatureWire, TensorWire } from './wire.ts'

export type Tensor = z.output<typeof TensorWire>
/** What a model takes and gives: a tensor per feature, and its outputs. A dimension of −1 is the number of rows. */
export type Signature = z.output<typeof SignatureWire>

/** Names of the Open Inference Protocol for the element types of ONNX Runtime. */
export const datatypeOf: Readonly<Record<string, string>> = {
  float32: 'FP32',
  float64: 'FP64',
  int64: 'INT64',
  int32: 'INT32',
  int16: 'INT16',
  int8: 'INT8',
  uint64: 'UINT64',
  uint32: 'UINT32',
  uint16: 'UINT16',
  uint8: 'UINT8',
  bool: 'BOOL',
  string: 'BYTES',
  float16: 'FP16',
}

/** What an input may be. */
export const inputTypes = ['FP32', 'FP64', 'INT64', 'INT32', 'BOOL', 'BYTES']
const realTypes = ['FP32', 'FP64']

/** What the platform cannot serve, in words that help to export the model again. `name` is the file's. */
export function requireServable(name: string, signature: Signature): void {
  const problems: Problem[] = []
  for (const { name: input, datatype, shape } of signature.inputs) {
    const field = `${name}, input ${input}`
    if (!inputTypes.includes(datatype)) problems.push({ field, value: datatype, allowed: inputTypes.join(', ') })
    if (!isColumn(shape)) problems.push({ field, value: shape, allowed: 'shape [-1,1] or [-1]: one input per feature' })
  }
  for (const { name: output, shape } of signature.outputs) {
    if (shape[0] === -1 && shape.length <= 2) continue
    problems.push({
      field: `${name}, output ${output}`,
      value: shape,
      allowed: 'shape [-1], [-1,1] or [-1,k]: one row per row',
    })
  }
  if (signature.inputs.length === 0) problems.push({ field: name, allowed: 'a model with at least one input' })
  if (!signature.outputs.some(isReal)) problems.push({ field: name, allowed: 'an output of type FP32 or FP64' })
  if (problems.length > 0) throw invalid(`${name} cannot be served.`, problems)
}

const isColumn = ([rows, width, ...rest]: readonly number[]): boolean =>
  rows === -1 && (width === undefined || width === 1) && rest.length === 0

const isReal = ({ datatype }: Tensor): boolean => realTypes.includes(datatype)

/** The output that is the model's answer, and which of its columns. */
export interface ScoreOutput {
  readonly output: string
  /** 1 for the second of two class probabilities, else 0. */
  readonly column: number
  /** Its name among the outputs of a logged prediction. */
  readonly key: string
}

/**
 * Where a model's answer is: the output named `probability`, else the first real one. Of two columns, as scikit-learn
 * writes the probabilities of two classes, it is the second.
 */
export function scoreOutput({ outputs }: Signature): ScoreOutput {
  const tensor = outputs.find(({ name }) => name === 'probability') ?? outputs.find(isReal) ?? outputs[0]!
  const column = tensor.shape[1] === 2 ? 1 : 0
  return { output: tensor.name, column, key: outputKey(tensor.name, tensor.shape[1] ?? 1, column) }
}

/** What somebody who calls a model with the signature `before` would miss in one with `after`, as clauses. */
export function incompatibilities(before: Signature, after: Signature): readonly string[] {
  const sent = new Map(before.inputs.map(({ name, datatype }) => [name, datatype]))
  const given = new Map(after.outputs.map(({ name, datatype }) => [name, datatype]))
  return [
    ...after.inputs
      .filter(({ name, datatype }) => sent.get(name) !== datatype)
      .map(
        ({ name, datatype }) => `needs input ${name} of ${datatype}${sent.has(name) ? `, not ${sent.get(name)}` : ''}`,
      ),
    ...before.outputs
      .filter(({ name, datatype }) => given.get(name) !== datatype)
      .map(({ name, datatype }) => `gives no output ${name} of ${datatype}`),
  ]
}
