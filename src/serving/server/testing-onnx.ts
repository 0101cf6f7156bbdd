import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Signature } from '#registry'
import type { OnnxOrder } from './onnx-worker.ts'

/** Models of ONNX for tests. */

/**
 * A model that takes as long as it is asked to: it turns a Loop as often as `turns` says, a microsecond or less each, and
 * answers `turns`. Made with onnx 1.21's `helper`: ReduceMax → Cast to INT64 → Loop over Sub(x, 0); opset 17.
 */
export const turnsOnnx: Uint8Array = Buffer.from(
  'CAgSADrTAgopCgV0dXJucxIEbW9zdCIJUmVkdWNlTWF4Kg8KCGtlZXBkaW1zGACgAQIKHgoEbW9zdBIFY291bnQiBENhc3QqCQoCdG8YB6ABAgq5AQoF' +
    'Y291bnQKAAoFdHVybnMSBnJlc3VsdCIETG9vcCqYAQoEYm9keTKMAQoXCgRtb3JlEgVhZ2FpbiIISWRlbnRpdHkKEQoBeAoEemVybxIBeSIDU3Vi' +
    'EgR0dXJuWgsKAWkSBgoECAcSAFoOCgRtb3JlEgYKBAgJEgBaFAoBeBIPCg0IARIJCgMSAU4KAggBYg8KBWFnYWluEgYKBAgJEgBiFAoBeRIPCg0I' +
    'ARIJCgMSAU4KAggBoAEFEgV0dXJucyoOEAEiBAAAAABCBHplcm9aGAoFdHVybnMSDwoNCAESCQoDEgFOCgIIAWIZCgZyZXN1bHQSDwoNCAESCQoD' +
    'EgFOCgIIAUIECgAQEQ==',
  'base64',
)

const column = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] })
export const turnsSignature: Signature = { inputs: [column('turns')], outputs: [column('result')] }

/** So many turns take hours. */
export const endless = 1e12

export const turns = (count: number) => ({ rows: 1, columns: [[count]] })

/** A model as a file, which goes when the test ends. */
export async function modelFile(
  t: Pick<TestContext, 'after'>,
  bytes: Uint8Array,
  signature: Signature,
): Promise<{ folder: string; order: OnnxOrder }> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-onnx-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'model.onnx')
  await writeFile(file, bytes)
  return { folder, order: { file, signature } }
}
