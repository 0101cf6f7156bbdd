import { randomUUID } from 'node:crypto'
import { invalid, notFound } from '#kernel/error.ts'
import type { Clock, Millis } from '#kernel/clock.ts'
import { clean } from './span.ts'

/** A version of something that judges traces. What it does is the client's: it is kept as text, and never run here. */
export interface ScorerVersion {
  /** UUID of the scorer, the same for all its versions. */
  readonly id: string
  readonly experimentId: string
  readonly name: string
  /** 1, 2, 3 … */
  readonly version: number
  /** JSON text. */
  readonly serialized: string
  readonly createdAt: Millis
}

/** Where scorers are kept. Adapters must pass scorer-store.contract.ts. */
export interface ScorerStore {
  /** Adds the next version; racing writers of one scorer queue. `id` is taken for a scorer that is not there yet. */
  append(draft: Omit<ScorerVersion, 'version'>): Promise<ScorerVersion>
  /** The newest version of each scorer of the experiments, by name. */
  latest(experiments: readonly string[]): Promise<readonly ScorerVersion[]>
  /** Oldest first. */
  versions(experiment: string, name: string): Promise<readonly ScorerVersion[]>
  /** One version, or all; how many there were. With its last version a scorer is gone. */
  remove(experiment: string, name: string, version?: number): Promise<number>
}

export interface Scorers {
  register(draft: { experiment: string; name: string; serialized: string }): Promise<ScorerVersion>
  latest(experiments: readonly string[]): Promise<readonly ScorerVersion[]>
  /** Oldest first. Throws `not_found` without any. */
  versions(experiment: string, name: string): Promise<readonly ScorerVersion[]>
  /** The newest, unless one is named. Throws `not_found`. */
  get(experiment: string, name: string, version?: number): Promise<ScorerVersion>
  /** Throws `not_found`. */
  remove(experiment: string, name: string, version?: number): Promise<void>
}

export function createScorers({ store, clock }: { store: ScorerStore; clock: Clock }): Scorers {
  const versions = async (experiment: string, name: string): Promise<readonly ScorerVersion[]> => {
    const found = await store.versions(experiment, name)
    if (found.length === 0) throw notFound('scorer', `${name} of experiment ${experiment}`)
    return found
  }
  return {
    async register({ experiment, name, serialized }) {
      requireJson(serialized)
      if (name.trim() === '' || name.length > 256)
        throw invalid('The name of a scorer is not accepted.', [
          { field: 'name', value: name, allowed: '1 to 256 characters, not all space' },
        ])
      return store.append({
        id: randomUUID(),
        experimentId: experiment,
        name: clean(name),
        serialized: clean(serialized),
        createdAt: clock.now(),
      })
    },

    latest: experiments => store.latest(experiments),
    versions,

    async get(experiment, name, version) {
      const all = await versions(experiment, name)
      const found = version === undefined ? all.at(-1) : all.find(each => each.version === version)
      if (!found) throw notFound('scorer', `${name} version ${version} of experiment ${experiment}`)
      return found
    },

    async remove(experiment, name, version) {
      if ((await store.remove(experiment, name, version)) === 0)
        throw notFound(
          'scorer',
          `${name}${version === undefined ? '' : ` version ${version}`} of experiment ${experiment}`,
        )
    },
  }
}

function requireJson(text: string): void {
  try {
    JSON.parse(text)
  } catch {
    throw invalid('serialized_scorer must be valid JSON', [
      { field: 'serialized_scorer', value: text, allowed: 'JSON text' },
    ])
  }
}
