import { clean } from './span.ts'

/** What a span says of a call to a language model; costs in US dollars. */
export interface ModelCall {
  readonly model?: string | undefined
  readonly provider?: string | undefined
  readonly inputCost?: number | undefined
  readonly outputCost?: number | undefined
  readonly totalCost?: number | undefined
}

/** What an index holds. */
const charactersMax = 250

/** By attributes `mlflow.llm.model`, `mlflow.llm.provider` and `mlflow.llm.cost`, each a value or its JSON text. */
export function modelCallOf(attributes: ReadonlyMap<string, unknown>): ModelCall {
  const cost = plain(attributes.get('mlflow.llm.cost'))
  const of = (key: string): number | undefined => {
    const value = cost !== null && typeof cost === 'object' ? (cost as Record<string, unknown>)[key] : undefined
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined
  }
  return {
    model: named(attributes.get('mlflow.llm.model')),
    provider: named(attributes.get('mlflow.llm.provider')),
    inputCost: of('input_cost'),
    outputCost: of('output_cost'),
    totalCost: of('total_cost'),
  }
}

function named(value: unknown): string | undefined {
  const name = plain(value)
  return typeof name === 'string' && name !== '' ? clean(name).slice(0, charactersMax).toWellFormed() : undefined
}

/** MLflow's clients send every attribute as JSON text, others as it is. */
function plain(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
