import { logisticOnnx } from '#registry'
import { openOnnx } from './onnx-runtime.ts'
import { runtimeContract, windSignature, windWeights } from './runtime.contract.ts'

runtimeContract('onnx', {
  open: () => openOnnx(logisticOnnx({ weights: windWeights, intercept: 0 }), windSignature),
  openBroken: () => openOnnx(Buffer.from('no model'), windSignature),
})
