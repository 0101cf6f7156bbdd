import { createRequire } from 'node:module'
import process from 'node:process'
import type * as onnxruntime from 'onnxruntime-node'
import { silentOnnx } from './silent-onnx.ts'

for (const [name, value] of Object.entries(silentOnnx)) process.env[name] ??= value // oxlint-disable-line node/no-process-env -- the library reads it from there

/** ONNX Runtime, which tells nobody. It is not imported: imports are loaded before anything is set. */
export const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node') as typeof onnxruntime
