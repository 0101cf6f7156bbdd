import { tagCharactersMax } from './run-text.ts'

/** Where clients before 3.0 keep the models that a run has logged. */
export const modelHistoryTag = 'mlflow.log-model.history'

/** The JSON list with one model more, without its oldest where all would not fit a tag. What is no list is replaced. */
export function modelHistory(known: string | undefined, model: object): string {
  const models = [...listIn(known), model]
  while (models.length > 1 && JSON.stringify(models).length > tagCharactersMax) models.shift()
  return JSON.stringify(models)
}

function listIn(text = '[]'): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}
