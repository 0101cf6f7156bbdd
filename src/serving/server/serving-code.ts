import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BundleManifest } from '../bundle.ts'
import type { OutputColumn } from './runtime.ts'

/** Values of columns as serving code sees them: one for each row, or a list for each row of an output of several columns. */
export type RowsByOutput = Readonly<Record<string, readonly unknown[]>>
/** Serving code: a function of columns by name that answers columns by name. */
export type RowsCode = (rows: RowsByOutput) => RowsByOutput | Promise<RowsByOutput>

/** (24) The serving code of a model. */
export interface ServingCode {
  /** Makes inputs of the model of what requests send. */
  readonly preprocess?: RowsCode | undefined
  /** Adds outputs of its own to those of the model. */
  readonly postprocess?: RowsCode | undefined
}

/** A function of a module in a bundle. Throws with a sentence when it exports none of that name. */
export async function loadFunction(folder: string, path: string, name: string): Promise<RowsCode> {
  const found = exported(await load(folder, path), name)
  if (found) return found
  throw new Error(`${path} does not export a function named ${name}.`)
}

type Module = Readonly<Record<string, unknown>>

const load = async (folder: string, path: string): Promise<Module> =>
  (await import(pathToFileURL(join(folder, path)).href)) as Module

const exported = (code: Module, name: string): RowsCode | undefined =>
  typeof code[name] === 'function' ? (code[name] as RowsCode) : undefined

/** The functions of a module that is the serving code of a model. Throws with a sentence when it lacks what is declared. */
export async function loadServingCode(
  folder: string,
  path: string | undefined,
  declared: BundleManifest['preprocess'],
): Promise<ServingCode> {
  if (path === undefined) return {}
  const code = await load(folder, path)
  if (!declared && exported(code, 'preprocess'))
    throw new Error(`${path} exports preprocess, of which the project file does not say what it takes and gives.`)
  return declared
    ? { preprocess: await loadFunction(folder, path, 'preprocess'), postprocess: exported(code, 'postprocess') }
    : { postprocess: await loadFunction(folder, path, 'postprocess') }
}

/**
 * The outputs of the serving code, checked: one value of one kind for each row. Throws with a sentence that names the
 * output, since what is wrong is the code and not the request.
 */
export async function servedOutputs(
  postprocess: RowsCode,
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
