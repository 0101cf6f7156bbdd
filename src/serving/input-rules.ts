import { invalid, type Problem } from '#kernel/error.ts'
import type { InputRule, InputRules } from '#project/input-rule.ts'
import type { Signature, Tensor } from '#registry'
import { checkValue } from './server/bind.ts'

/** Throws `invalid` for rules that no request could be judged by: of inputs that are not there, or against their type. */
export function requireRules(model: string, { inputs }: Signature, rules: InputRules): void {
  const problems = Object.entries(rules).flatMap(([name, rule]): Problem[] => {
    const field = `models.${model}.inputs.${name}`
    const input = inputs.find(each => each.name === name)
    if (!input) return [{ field, allowed: `an input of the model: ${inputs.map(each => each.name).join(', ')}` }]
    return problemsOf(input, rule).map(problem => ({ ...problem, field: `${field}.${problem.field}` }))
  })
  if (problems.length > 0) throw invalid(`The inputs of ${model} are not as declared.`, problems)
}

function problemsOf({ datatype }: Tensor, { missing, default: value, min, max, values = [] }: InputRule): Problem[] {
  const problems: Problem[] = []
  const isReal = datatype === 'FP32' || datatype === 'FP64'
  if (missing === 'pass' && !isReal)
    problems.push({ field: 'missing', value: missing, allowed: `refuse or default: ${datatype} has no NaN` })
  if (value !== undefined && checkValue(value, datatype) === undefined)
    problems.push({ field: 'default', value, allowed: `a value of ${datatype}` })
  if ((min !== undefined || max !== undefined) && (datatype === 'BYTES' || datatype === 'BOOL'))
    problems.push({ field: 'min', value: min ?? max, allowed: `none: ${datatype} has no order` })
  const bad = values.find(each => checkValue(each, datatype) === undefined)
  if (bad !== undefined) problems.push({ field: 'values', value: bad, allowed: `values of ${datatype}` })
  return problems
}

/** Throws `invalid` unless what the log leaves out or redacts are inputs of the model: another name would leave nothing out. */
export function requireLogged(
  deployment: string,
  { inputs }: Signature,
  { leaveOut, redact }: { readonly leaveOut: readonly string[]; readonly redact: readonly string[] },
): void {
  const names = inputs.map(({ name }) => name)
  const problems = Object.entries({ leaveOut, redact }).flatMap(([rule, columns]) =>
    columns
      .filter(column => !names.includes(column))
      .map((value): Problem => ({
        field: `deployments.${deployment}.log.${rule}`,
        value,
        allowed: `an input of the model: ${names.join(', ')}`,
      })),
  )
  if (problems.length > 0) throw invalid(`What ${deployment} writes down is not as declared.`, problems)
}
