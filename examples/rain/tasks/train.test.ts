import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fitLogistic, predict } from './logistic.ts'
import { schema } from './onnx.ts'
import { readTable } from './table.ts'
import { train } from './train.ts'

const folder = mkdtempSync(join(tmpdir(), 'rain-'))
after(() => rmSync(folder, { recursive: true }))

/** A climate with one rule: when it rained today it rains tomorrow, but for every tenth day. Wind means nothing. */
const climate = Array.from({ length: 200 }, (_, day) => {
  const rained = day % 2
  const label = day % 10 < 2 ? 1 - rained : rained
  return `"Washington, DC",2012-01-01 23:59:00,${rained},${Math.floor(day / 10) % 5},${label}`
})
const csv = write('train.csv', ['city,event_time,rained,wind,label', ...climate])

function write(name: string, lines: readonly string[]) {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

function run(output: string) {
  const metrics: Record<string, number> = {}
  const model = join(folder, output)
  train({
    inputs: { train: csv },
    outputs: { model },
    params: { c: 0.3 },
    metric: (name, value) => (metrics[name] = value),
    log: () => {},
  })
  return { bytes: readFileSync(model), metrics }
}

test('training finds the rule and reports how well it fits', () => {
  const { x, y } = readTable(csv)
  const model = fitLogistic({ x, y }, 10)
  const [dry, wet] = predict(model, [
    [0, 2],
    [1, 2],
  ])

  // Each answer is right on 80 of 100 days, so the Brier score is about 0.8 · 0.2.
  assert.ok(Math.abs(dry! - 0.2) < 0.02 && Math.abs(wet! - 0.8) < 0.02, `${dry} and ${wet}`)
  assert.ok(Math.abs(run('model.onnx').metrics['train_brier']! - 0.16) < 0.001)
})

test('the model takes the features by the names of the columns', () => {
  const { graph } = schema.lookupType('Model').decode(run('model.onnx').bytes).toJSON()

  assert.deepEqual(
    graph.input.map(({ name }: { name: string }) => name),
    ['rained', 'wind'],
  )
})

test('the same rows give the same file, byte for byte', () => {
  assert.deepEqual(run('first.onnx').bytes, run('second.onnx').bytes)
})

test('a feature that never changes does no harm', () => {
  const model = fitLogistic(
    {
      x: [
        [5, 0],
        [5, 1],
        [5, 0],
        [5, 1],
      ],
      y: [0, 1, 0, 1],
    },
    0.3,
  )

  assert.equal(model.weights[0], 0)
  assert.ok(model.weights[1]! > 0)
})

test('a missing feature is an error that names it', () => {
  const holed = write('holed.csv', ['city,event_time,rained,wind,label', 'Seattle,2012-01-01 23:59:00,1,,0'])

  assert.throws(() => readTable(holed), /row 1: wind is not a number/)
})
