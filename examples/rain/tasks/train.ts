import { writeFileSync } from 'node:fs'
import type { TaskContext } from 'trainyard'
import { fitLogistic, predict } from './logistic.ts'
import { toOnnx } from './onnx.ts'
import { readTable } from './table.ts'

/**
 * Trains P(rain tomorrow) on `inputs.train` and writes it to `outputs.model` as one ONNX file.
 * Parameter `c`: how far the rows may pull the weights away from zero; smaller is more cautious.
 */
export function train({ inputs, outputs, params, metric, log }: TaskContext): void {
  const table = readTable(inputs['train']!)
  const model = fitLogistic(table, Number(params['c']))

  // How well it fits what it has seen. How good it is, is for the evaluation on later days to say.
  metric('train_brier', brier(predict(model, table.x), table.y))
  log(`${table.y.length} rows, ${table.features.length} features, converged in ${model.steps} steps.`)
  writeFileSync(outputs['model']!, toOnnx(table.features, model))
}

/** Mean squared error of a probability: 0 is perfect, 0.25 is always saying one half. */
function brier(p: readonly number[], y: readonly number[]): number {
  return p.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / y.length
}
