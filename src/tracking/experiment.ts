import type { Millis } from '#kernel/clock.ts'
import { invalid } from '#kernel/error.ts'

/** What runs are compared in. MLflow's experiment, which here belongs to a project. */
export interface Experiment {
  /** A decimal number as text; `0` is the experiment of runs that name none. */
  readonly id: string
  readonly project: string
  /** Unique in its project, deleted ones included. Of the platform's tasks: `<project>/<pipeline>/<task>`. */
  readonly name: string
  readonly artifactLocation: string
  readonly lifecycle: Lifecycle
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Millis
  readonly updatedAt: Millis
}

/** What is deleted lies in the trash: it is kept, and may be restored, until it is purged. */
export type Lifecycle = 'active' | 'deleted'

export const defaultExperiment = '0'

const nameCharactersMax = 500
const locationCharactersMax = 2_048

/** Throws `invalid`. */
export function checkExperimentName(name: string): string {
  if (name.length > 0 && name.length <= nameCharactersMax && !name.includes('\0')) return name
  throw invalid(`Invalid value ${JSON.stringify(name.slice(0, 100))} for parameter 'name' supplied.`, [
    { field: 'name', value: name, allowed: `a text of 1 to ${nameCharactersMax} characters` },
  ])
}

/** Throws `invalid` on a location that leads elsewhere than it says. */
export function checkLocation(location: string): string {
  const path = decoded(location)
  const isPlain =
    location.length <= locationCharactersMax &&
    path !== undefined &&
    !/[#;\\\p{Cc}]/u.test(path) &&
    !path.split(/[/?&=]/).includes('..')
  if (isPlain) return location.replace(/\/+$/, '')
  throw invalid(`Invalid value ${JSON.stringify(location.slice(0, 100))} for parameter 'artifact_location' supplied.`, [
    {
      field: 'artifact_location',
      value: location,
      allowed: `a URI of at most ${locationCharactersMax} characters without #, ;, or .. segments`,
    },
  ])
}

/** Undone until it stays as it is: who encodes twice is not read differently further on. */
function decoded(text: string): string | undefined {
  let plain = text
  for (let round = 0; round < 10; round++) {
    try {
      const next = decodeURIComponent(plain)
      if (next === plain) return plain
      plain = next
    } catch {
      return undefined
    }
  }
  return undefined
}

/** Where the files of a run are: below the experiment's location, before its query. */
export function runArtifacts(location: string, run: string): string {
  const [path, ...query] = location.split('?')
  return [`${path}/${run}/artifacts`, ...query].join('?')
}
