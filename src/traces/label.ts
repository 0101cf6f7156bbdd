import { invalid } from '#kernel/error.ts'
import { clean } from './span.ts'

/** Tags or metadata of a trace. */
export type Labels = Readonly<Record<string, string>>

const keyCharactersMax = 250
const valueCharactersMax = 8000

/** Tags or metadata as they are kept: values cut at 8000 characters. Throws `invalid` on a key that is not one. */
export const labelsOf = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [labelKey(key), labelValue(value)]))

export function labelKey(key: string): string {
  if (key === '' || key.length > keyCharactersMax)
    throw invalid('The name of a tag is not accepted.', [
      { field: 'key', value: key, allowed: `1 to ${keyCharactersMax} characters` },
    ])
  return clean(key)
}

export const labelValue = (value: string): string => clean(value).slice(0, valueCharactersMax).toWellFormed()
