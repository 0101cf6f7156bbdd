import { invalid, type Problem } from '#kernel/error.ts'
import type { Column, ModelFile, Onnx } from './onnx.ts'
import type { Signature, Tensor } from './signature.ts'
import { outputKey } from './output-key.ts'

/** A value of a feature or of an output. */
export type Scalar = number | string | boolean | null

export type FeatureRow = Readonly<Record<string, Scalar>>

/** Runs rows of features through a model. Throws `invalid` naming row and feature. */
export async function scoreRows(
  onnx: Onnx,
  { file, signature }: { file: ModelFile; signature: Signature },
  rows: readonly FeatureRow[],
  signal?: AbortSignal,
): Promise<Record<string, Scalar[]>> {
  if (rows.length === 0)
    throw invalid('There is nothing to score.', [{ field: 'rows', value: 0, allowed: 'at least one row' }])
  const outputs = await onnx.score(file, rows.length, toColumns(signature, rows), signal)
  const named = Object.entries(outputs).flatMap(([output, { width, values }]) =>
    Array.from({ length: width }, (_, column) => {
      const one = Array.from({ length: rows.length }, (_row, row) => values[row * width + column]!)
      return [outputKey(output, width, column), one] as const
    }),
  )
  return Object.fromEntries(named)
}

function toColumns({ inputs }: Signature, rows: readonly Readonly<Record<string, Scalar>>[]): Record<string, Column> {
  const problems: Problem[] = []
  const columns = inputs.map(input => {
    const values = rows.map((row, index) => {
      const value = row[input.name]
      if (!accepts(input, value))
        problems.push({
          field: `row ${index + 1}, feature ${input.name}`,
          value: value ?? null,
          allowed: input.datatype === 'BYTES' ? 'a text' : 'a finite number',
        })
      return value
    })
    return [input.name, input.datatype === 'BYTES' ? (values as string[]) : Float64Array.from(values, Number)] as const
  })
  if (problems.length > 0) throw invalid('These rows cannot be scored.', problems.slice(0, 20))
  return Object.fromEntries(columns)
}

const accepts = ({ datatype }: Tensor, value: Scalar | undefined): boolean =>
  datatype === 'BYTES'
    ? typeof value === 'string'
    : typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
