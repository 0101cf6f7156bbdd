import type { EvaluatedVersion, Scalar, Tensor } from '#registry'
import type { Golden } from '#serving'
import { identifier, scanOf } from '#storage'
import type { DeliveryParts } from './parts.ts'

const rowsMax = 5

type Testing = Pick<DeliveryParts, 'workflow' | 'registry' | 'blobs' | 'duckdb'>

/** The first complete rows that the version was tested on, with the outputs computed outside of any server. */
export async function goldenRows(
  parts: Testing,
  version: EvaluatedVersion,
  signal: AbortSignal,
): Promise<readonly Golden[]> {
  const inputs = await testRows(parts, version, rowsMax, signal)
  if (inputs.length === 0) return []
  const { outputs } = await parts.registry.score(version.id, inputs, signal)
  return inputs.map((row, index) => ({
    inputs: row,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values[index]!])),
  }))
}

/** The first complete rows that the version was tested on, as far as they are still there. */
export async function testRows(
  parts: Testing,
  version: EvaluatedVersion,
  rowsMax: number,
  signal: AbortSignal,
): Promise<Record<string, Scalar>[]> {
  const tasks = await parts.workflow.tasks(version.run)
  const evaluated = tasks.find(({ kind, params }) => kind === 'registry.evaluate' && params['model'] === version.model)
  const test = evaluated?.inputs['test']?.digest
  if (test === undefined) return []
  const path = await parts.blobs.path(test)
  return completeRows(parts, { path, inputs: version.signature.inputs, rowsMax, signal })
}

/** The first rows of a table that have a value for each of these inputs. Throws when it has not all of the columns. */
export async function completeRows(
  { duckdb }: Pick<DeliveryParts, 'duckdb'>,
  { path, inputs, rowsMax, signal }: { path: string; inputs: readonly Tensor[]; rowsMax: number; signal: AbortSignal },
): Promise<Record<string, Scalar>[]> {
  const columns = inputs.map(
    ({ name, datatype }) =>
      `try_cast(${identifier(name)} as ${datatype === 'BYTES' ? 'varchar' : 'double'}) as ${identifier(name)}`,
  )
  const complete = inputs.map(({ name, datatype }) =>
    datatype === 'BYTES' ? `${identifier(name)} is not null` : `isfinite(${identifier(name)})`,
  )
  const rows = await duckdb.query(
    [
      `select * from (select ${columns.join(', ')} from ${await scanOf(path)}) where ${complete.join(' and ')} limit ${rowsMax}`,
    ],
    signal,
  )
  return rows as Record<string, Scalar>[]
}
