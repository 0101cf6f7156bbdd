import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { workers } from '../testing.ts'
import { createOnnxScale } from './onnx-scale.ts'
import type { Placement } from './placement.ts'
import { endless, modelFile, turns, turnsOnnx, turnsSignature } from './testing-onnx.ts'

async function weighTurns(t: TestContext, ...counts: readonly number[]): Promise<readonly Placement[]> {
  const { folder, order } = await modelFile(t, turnsOnnx, turnsSignature)
  const scale = createOnnxScale(workers, folder)
  return Promise.all(counts.map(count => scale.weigh(order, turns(count))))
}

test('a cheap model is measured and computes inline, one that does not come back in a process', async t => {
  const [cheap, never, afterwards] = await weighTurns(t, 0, endless, 0)

  assert.equal(cheap!.place, 'inline')
  assert.ok(cheap!.rowMs! > 0 && cheap!.rowMs! < 0.5, `${cheap!.rowMs}`)
  assert.deepEqual(never, {
    place: 'process',
    rowMs: undefined,
    why: 'the process that measured it did not answer in time',
  })
  assert.equal(afterwards!.place, 'inline')
})

test('what is no model, or does not answer its example, is refused with its own words', async t => {
  const { folder, order } = await modelFile(t, Buffer.from('no model'), turnsSignature)
  const scale = createOnnxScale(workers, folder)
  const other = { ...turnsSignature, inputs: [{ name: 'turns', datatype: 'FP64', shape: [-1, 1] }] }
  const good = await modelFile(t, turnsOnnx, other)

  await assert.rejects(scale.weigh(order, turns(0)), /protobuf parsing failed/)
  await assert.rejects(createOnnxScale(workers, good.folder).weigh(good.order, turns(0)), /Unexpected input data type/)
})

test('where no process can be started a model computes inline, and the placement says so', async t => {
  const { folder, order } = await modelFile(t, turnsOnnx, turnsSignature)
  const { execPath } = process
  t.after(() => void (process.execPath = execPath))
  process.execPath = '/nowhere/node'

  const placement = await createOnnxScale(workers, folder).weigh(order, turns(0))

  assert.deepEqual(placement, {
    place: 'inline',
    rowMs: undefined,
    why: 'it was not measured, as no process can be started: spawn /nowhere/node ENOENT',
  })
})
