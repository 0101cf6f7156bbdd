import { invalid, type Problem } from '#kernel/error.ts'
import type { InputRule, InputRules } from '#project/input-rule.ts'
import type { Signature, Tensor } from '#registry'
import type { ServiceView } from './bundle.ts'
import { protocolKind, requestedOf } from './requested.ts'
import { checkValue } from './server/bind.ts'

/** Throws `invalid` for rules that no request could be judged by: of inputs that are not there, or against their type. */
export function requireRules(
  { model, signature }: { readonly model: string; readonly signature: Signature },
  service: ServiceView | null,
  rules: InputRules,
): void {
  const { inputs } = requestedOf({ signature, service, inputs: rules })?.asked.signature ?? signature
  const own = signature.inputs.map(({ name }) => name)
  const problems = Object.entries(rules).flatMap(([name, rule]): Problem[] => {
    const field = `models.${model}.inputs.${name}`
    const input = inputs.find(each => each.name === name)
    if (!input) return [{ field, allowed: `an input of the model: ${inputs.map(each => each.name).join(', ')}` }]
    return problemsOf({ ...input, isOwn: own.includes(name) }, rule).map(problem => ({
      ...problem,
      field: `${field}.${problem.field}`,
    }))
  })
  if (problems.length > 0) throw invalid(`The inputs of ${model} are not as declared.`, problems)
}

function problemsOf(
  { datatype, isOwn }: Tensor & { isOwn: boolean },
  { missing, default: value, min, max, values = [] }: InputRule,
): Problem[] {
  const problems: Problem[] = []
  const kind = protocolKind(datatype)
  const isInstant = datatype === 'DATE' || datatype === 'TIMESTAMP'
  const isReal = datatype === 'FP32' || datatype === 'FP64'
  // What is computed with may be null; the model's own inputs are tensors.
  if (missing === 'pass' && isOwn && !isReal)
    problems.push({ field: 'missing', value: missing, allowed: `refuse or default: ${kind} has no NaN` })
  if (value !== undefined && checkValue(value, datatype) === undefined)
    problems.push({ field: 'default', value, allowed: `a value of ${kind}` })
  if ((min !== undefined || max !== undefined) && (datatype === 'BYTES' || datatype === 'BOOL'))
    problems.push({ field: 'min', value: min ?? max, allowed: `none: ${kind} has no order` })
  const bad = values.find(each => checkValue(each, datatype) === undefined)
  if (isInstant && values.length > 0) problems.push({ field: 'values', value: values, allowed: 'none of instants' })
  else if (bad !== undefined) problems.push({ field: 'values', value: bad, allowed: `values of ${kind}` })
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
