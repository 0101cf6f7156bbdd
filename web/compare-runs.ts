import type { TrackingRun } from './wire.ts'

/** A line of a comparison: a name, and what each run has under it. */
export interface Difference {
  readonly name: string
  readonly values: readonly (string | undefined)[]
  readonly isSame: boolean
}

/** What runs have under each name, those that differ first. A run that has nothing there differs from one that has. */
export function differences(texts: readonly Readonly<Record<string, string>>[]): {
  readonly different: readonly Difference[]
  readonly same: readonly Difference[]
} {
  const names = [...new Set(texts.flatMap(each => Object.keys(each)))].toSorted((a, b) => a.localeCompare(b, 'en'))
  const rows = names.map(name => {
    const values = texts.map(each => (Object.hasOwn(each, name) ? each[name] : undefined))
    return { name, values, isSame: values.every(value => value === values[0]) }
  })
  return { different: rows.filter(({ isSame }) => !isSame), same: rows.filter(({ isSame }) => isSame) }
}

/** Where a run's code, environment and data came from: as the platform has noted of a task, or its client has said. */
export const originOf = ({ tags, datasets, user, run }: TrackingRun): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({
      'Git commit': tags['mlflow.source.git.commit'],
      Code: tags['trainyard.code'],
      'Changes since the commit': tags['trainyard.code.diff'],
      Branch: tags['mlflow.source.git.branch'],
      Source: tags['mlflow.source.name'],
      ...environmentOf(tags),
      By: user,
      'Run of a pipeline': run,
      ...Object.fromEntries(
        datasets.map(({ name, digest, context }) => [`Data: ${name}${context ? ` (${context})` : ''}`, digest]),
      ),
    }).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  )

const environmentTag = 'trainyard.environment.'

const environmentOf = (tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(tags)
      .filter(([key]) => key.startsWith(environmentTag))
      .map(([key, value]) => [`Environment: ${key.slice(environmentTag.length)}`, value]),
  )

/** Which of the values is the lowest and which the highest; undefined unless two differ. */
export function extremes(
  values: readonly (number | null | undefined)[],
): { readonly low: number; readonly high: number } | undefined {
  const numbers = values.filter(value => typeof value === 'number')
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)]
  return numbers.length > 1 && low < high ? { low, high } : undefined
}
