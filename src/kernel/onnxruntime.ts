import process from 'node:process'
import { silentOnnx } from './silent-onnx.ts'

for (const [name, value] of Object.entries(silentOnnx)) process.env[name] ??= value // oxlint-disable-line node/no-process-env -- the library reads it from there

/** ONNX Runtime, which tells nobody. It is not among the imports above: they are loaded before anything is set. */
export const { InferenceSession, Tensor } = await import('onnxruntime-node')
