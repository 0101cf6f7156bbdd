import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Signature } from '#registry'
import { createBatcher } from './batcher.ts'
import type { Rows, Runtime } from './runtime.ts'

/** The model that every runtime is opened with: `probability` is the sigmoid of `wind − rain`. */
export const windSignature: Signature = {
  inputs: ['wind', 'rain'].map(name => ({ name, datatype: 'FP32', shape: [-1, 1] })),
  outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
}
export const windWeights = { wind: 1, rain: -1 }

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const request = (...rows: readonly (readonly [number, number])[]): Rows => ({
  rows: rows.length,
  columns: [rows.map(([wind]) => wind), rows.map(([, rain]) => rain)],
})

/** What every runtime promises. `open` loads the wind model; `openBroken` what is no model. */
export function runtimeContract(
  name: string,
  { open, openBroken }: { open(t: TestContext): Promise<Runtime>; openBroken(t: TestContext): Promise<Runtime> },
): void {
  const opened = async (t: TestContext): Promise<Runtime> => {
    const runtime = await open(t)
    t.after(() => runtime.release())
    return runtime
  }

  test(`${name}: each request of a batch gets the outputs of its own rows, in their order`, async t => {
    const runtime = await opened(t)

    const answers = await runtime.run([request([1, 0]), request([0, 0], [0, 2], [3, 0]), request([-1, 1])])

    const expected = [[1], [0, -2, 3], [-2]].map(logits => logits.map(sigmoid))
    for (const [index, outputs] of answers.entries()) {
      const [{ name: output, width, values }] = outputs as [(typeof outputs)[0]]
      assert.deepEqual([outputs.length, output, width, values.length], [1, 'probability', 1, expected[index]!.length])
      for (const [row, value] of values.entries()) assert.ok(Math.abs(Number(value) - expected[index]![row]!) < 1e-6)
    }
  })

  test(`${name}: it answers one call after the other, of any size`, async t => {
    const runtime = await opened(t)

    for (const rows of [1, 1_000, 3, 10_000]) {
      const [outputs] = await runtime.run([request(...Array.from({ length: rows }, (_, n) => [n / rows, 0] as const))])
      assert.equal(outputs![0]!.values.length, rows)
      assert.ok(Math.abs(Number(outputs![0]!.values.at(-1)) - sigmoid((rows - 1) / rows)) < 1e-6)
    }
  })

  test(`${name}: requests that come together are each answered by the batcher, and as many as may wait`, async t => {
    const batcher = createBatcher(await opened(t))

    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) => batcher.run(1, request([n / 300, 0]).columns)),
    )

    for (const [n, [output]] of answers.entries())
      assert.ok(Math.abs(Number(output!.values[0]) - sigmoid(n / 300)) < 1e-6)
  })

  test(`${name}: what is no model is refused when it is opened`, async t => {
    await assert.rejects(openBroken(t), (error: Error) => error.message.length > 10)
  })
}
