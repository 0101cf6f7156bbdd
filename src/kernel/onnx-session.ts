import type { InferenceSession as Session, Tensor as OnnxTensor } from 'onnxruntime-node'
import { InferenceSession, Tensor } from './onnxruntime.ts'

/** How this platform runs models of ONNX: from bytes, so that no file beside them is found, and in one thread. */
export const openSession = (model: Uint8Array): Promise<Session> =>
  InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 })

/** A column of an input as the runtime takes it. Whatever is no number is a text. */
export function columnTensor(
  datatype: string,
  values: ArrayLike<number | string | bigint>,
  dims: readonly number[],
): OnnxTensor {
  const numbers = values as ArrayLike<number>
  switch (datatype) {
    case 'FP32':
      return new Tensor('float32', Float32Array.from(numbers), dims)
    case 'FP64':
      return new Tensor('float64', Float64Array.from(numbers), dims)
    case 'INT64':
      return new Tensor('int64', BigInt64Array.from(values as readonly number[], BigInt), dims)
    case 'INT32':
      return new Tensor('int32', Int32Array.from(numbers), dims)
    case 'BOOL':
      return new Tensor('bool', Uint8Array.from(numbers), dims)
    default:
      return new Tensor('string', values as readonly string[], dims)
  }
}
