import { invalid, type Problem } from '#kernel/error.ts'
import type { InputRule, InputRules } from '#project/input-rule.ts'
import type { Preprocess } from '#project/preprocess-spec.ts'
import type { Signature, Tensor } from '#registry'
import type { ServiceView } from './bundle.ts'
import { protocolKind, requestedOf } from './requested.ts'
import { checkValue } from './server/bind.ts'

/** What rules are declared beside. */
interface RuledModel {
  readonly service: ServiceView | null
  readonly preprocess?: Preprocess | undefined
  readonly inputs: InputRules
}

/** Throws `invalid` for rules that no request could be judged by: of inputs that are not there, or against their type. */
export function requireRules(
  { model, signature }: { readonly model: string; readonly signature: Signature },
  { service, preprocess, inputs: rules }: RuledModel,
): void {
  const { inputs } = requestedOf({ signature, service, preprocess, inputs: rules })?.asked.signature ?? signature
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

/** Throws `invalid` unless serving code gives inputs of the model, and takes others, as the model has them. */
export function requirePreprocess(
  { model, signature }: { readonly model: string; readonly signature: Signature },
  service: ServiceView | null,
  { takes, gives }: Preprocess,
): void {
  const datatypes = new Map(signature.inputs.map(({ name, datatype }) => [name, datatype]))
  const computedWith = requestedOf({ signature, service })?.asked.signature.inputs.map(({ name }) => name) ?? []
  const field = `models.${model}.preprocess`
  const problems: Problem[] = gives
    .filter(name => !datatypes.has(name))
    .map(value => ({
      field: `${field}.gives`,
      value,
      allowed: `inputs of the model: ${[...datatypes.keys()].join(', ')}`,
    }))
  for (const [name, datatype] of Object.entries(takes)) {
    const own = datatypes.get(name)
    const allowed = gives.includes(name)
      ? 'another name: it gives this one'
      : own === undefined
        ? computedWith.includes(name) && 'another name: a request view has this one'
        : own !== datatype && `${own}, as the model has it`
    if (allowed) problems.push({ field: `${field}.takes.${name}`, value: datatype, allowed })
  }
  if (problems.length > 0) throw invalid(`What ${model} is asked with is not as declared.`, problems)
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
