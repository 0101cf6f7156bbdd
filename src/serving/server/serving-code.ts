import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OutputColumn } from './runtime.ts'

/** Values of the outputs as serving code sees them: one for each row, or a list for each row of an output of several columns. */
export type RowsByOutput = Readonly<Record<string, readonly unknown[]>>
/** (24) Serving code: adds outputs of its own to those of the model, one value for each row. */
export type Postprocess = (outputs: RowsByOutput) => RowsByOutput | Promise<RowsByOutput>

/** A function of a module in a bundle. Throws with a sentence when it exports none of that name. */
export async function loadServingCode(folder: string, path: string, name = 'postprocess'): Promise<Postprocess> {
  const code = (await import(pathToFileURL(join(folder, path)).href)) as Readonly<Record<string, unknown>>
  if (typeof code[name] === 'function') return code[name] as Postprocess
  throw new Error(`${path} does not export a function named ${name}.`)
}

/**
 * The outputs of the serving code, checked: one value of one kind for each row. Throws with a sentence that names the
 * output, since what is wrong is the code and not the request.
 */
export async function servedOutputs(
  postprocess: Postprocess,
  outputs: readonly OutputColumn[],
  rows: number,
): Promise<OutputColumn[]> {
  const given = Object.fromEntries(outputs.map(output => [output.name, byRow(output, rows)]))
  const answer = postprocess(given)
  const added = answer instanceof Promise ? await answer : answer
  return Object.entries(added ?? {}).map(([name, values]) => {
    if (!Array.isArray(values) || values.length !== rows)
      throw new Error(`Serving code: output ${name} must be a list with one value for each of ${rows} rows.`)
    const datatype = datatypeOfValues(values)
    if (!datatype)
      throw new Error(`Serving code: output ${name} must hold texts, finite numbers or truth values, all of one kind.`)
    return { name, datatype, width: 1, values: values as OutputColumn['values'] }
  })
}

const byRow = ({ values, width }: OutputColumn, rows: number): readonly unknown[] =>
  width === 1 ? values : Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width))

function datatypeOfValues(values: readonly unknown[]): string | undefined {
  if (values.every(value => typeof value === 'string')) return 'BYTES'
  if (values.every(value => typeof value === 'number' && Number.isFinite(value))) return 'FP64'
  return values.every(value => typeof value === 'boolean') ? 'BOOL' : undefined
}
