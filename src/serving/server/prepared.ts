import { badRequest, RequestError } from './request-error.ts'
import {
  checkedColumn,
  expectedOf,
  fillingOf,
  positionsOf,
  requireValue,
  ruleOf,
  type Bound,
  type Column,
} from './bind.ts'
import { askedOf, type LoadedModel } from './loaded-model.ts'
import { ModelFault } from './runtime.ts'
import type { RowsByOutput, RowsCode } from './serving-code.ts'

/** The columns of a model's inputs, in its order; undefined where there is none yet. */
export type OwnColumns = readonly (Column | undefined)[]

/**
 * The inputs with those that the model's own code makes of what the request brings. One that is sent is not made. Throws
 * `RequestError` for what is not there to make them of, or is made against the rules of its input, and `ModelFault` when the
 * code fails.
 */
export async function prepared(model: LoadedModel, bound: Bound, own: OwnColumns): Promise<OwnColumns> {
  const { manifest, code } = model
  const positions = positionsOf(manifest.signature)
  const wanted = manifest.preprocess?.gives.filter(name => own[positions.get(name)!] === undefined) ?? []
  if (!code.preprocess || wanted.length === 0) return own
  const made = await answerOf(code.preprocess, taken(model, bound))
  const columns = [...own]
  for (const name of wanted) columns[positions.get(name)!] = madeColumn(model, bound, { name, values: made?.[name] })
  return columns
}

async function answerOf(code: RowsCode, rows: RowsByOutput): Promise<RowsByOutput | undefined> {
  try {
    return await code(rows)
  } catch (error) {
    throw new ModelFault('model_failed', error instanceof Error ? error.message : String(error))
  }
}

/** What the code is given: null where a value is missing and may be. */
function taken(model: LoadedModel, bound: Bound): RowsByOutput {
  const asked = askedOf(model)
  const { takes, gives } = model.manifest.preprocess!
  const columns = Object.entries(takes).map(([name, datatype]) => {
    const given = bound.columns[positionsOf(asked.signature).get(name)!]
    const show = (value: Column[number]): unknown =>
      Number.isNaN(value) ? null : datatype === 'BOOL' ? value === 1 : value
    if (given) return [name, Array.from(given, show)] as const
    const rule = ruleOf(asked, name)
    const filling = rule && fillingOf(rule, datatype)
    if (filling === undefined)
      throw badRequest(
        `Missing input: ${name} (${datatype}). It must be sent, or ${gives.join(', ')}, which is made of it.`,
        'missing',
      )
    bound.filled.push(name)
    return [name, Array.from({ length: bound.rows }, () => show(filling))] as const
  })
  return Object.fromEntries(columns)
}

function madeColumn(
  { manifest }: LoadedModel,
  { rows, filled }: Bound,
  { name, values }: { name: string; values: readonly unknown[] | undefined },
): Column {
  if (!Array.isArray(values) || values.length !== rows)
    throw new ModelFault(
      'model_failed',
      `Serving code: input ${name} must be a list with one value for each of ${rows} rows.`,
    )
  const expected = expectedOf(manifest)[positionsOf(manifest.signature).get(name)!]!
  for (const [row, value] of (values as readonly unknown[]).entries())
    if (value !== null && value !== undefined && !Number.isNaN(value))
      requireMade(value, expected.datatype, { name, row })
  return checkedColumn(expected, values, filled)
}

/** What the code makes of another kind is its fault, and not the request's. */
function requireMade(value: unknown, datatype: string, place: { name: string; row: number }): void {
  try {
    requireValue(value, datatype, place)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    throw new ModelFault('model_failed', `Serving code: ${error.message}`)
  }
}
