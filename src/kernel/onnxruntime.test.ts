import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

/** The identity model: input `x` is output `y`, float [1] [ONNX IR 8, opset 13]. */
const identity = 'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ=='

const program = `
import { InferenceSession, Tensor } from ${JSON.stringify(new URL('onnxruntime.ts', import.meta.url).href)}
const session = await InferenceSession.create(Buffer.from('${identity}', 'base64'))
const { y } = await session.run({ x: new Tensor('float32', [37], [1]) })
console.log(String(y.data))
await session.release()
`

test('a session leaves no telemetry behind', async t => {
  const temporary = await mkdtemp(join(tmpdir(), 'trainyard-onnx-'))
  t.after(() => rm(temporary, { recursive: true }))

  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { TMPDIR: temporary, HOME: temporary },
  })

  assert.deepEqual([stdout.trim(), await readdir(temporary, { recursive: true })], ['37', []])
})
