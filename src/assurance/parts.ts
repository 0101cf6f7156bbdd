import type { Clock } from '#kernel/clock.ts'
import { conflict } from '#kernel/error.ts'
import type { ModelSpec, ObjectiveSpec, Projects } from '#project'
import type { ModelVersion, Registry } from '#registry'
import type { Db, Outbox } from '#storage'
import type { Origin } from './origin.ts'
import type { Scanner } from './scanner.ts'
import type { SigningKey } from './signing-key.ts'
import type { AssuranceStore } from './store.ts'

export interface AssuranceParts {
  readonly db: Db
  readonly store: AssuranceStore
  readonly registry: Pick<Registry, 'version' | 'files'>
  readonly projects: Pick<Projects, 'find'>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly scanner: Scanner
  readonly clock: Clock
  /** Opened when it is first needed. */
  signingKey(): Promise<SigningKey>
  /** Who started what made a version, or registered it. */
  maker(version: ModelVersion): Promise<string>
  /** What a version was made from, by the ledger. */
  origin(version: ModelVersion): Promise<Origin>
}

/** What the project says of a version's model; nothing, if it does not declare it. */
export async function declaredOf(
  { projects }: Pick<AssuranceParts, 'projects'>,
  { project, model }: ModelVersion,
): Promise<{ readonly objective?: ObjectiveSpec; readonly model?: ModelSpec }> {
  const spec = (await projects.find(project))?.spec
  if (!spec) return {}
  return Object.hasOwn(spec.models, model) ? { objective: spec.objective, model: spec.models[model]! } : {}
}

export const named = ({ fullName, version }: ModelVersion): string => `${fullName} ${version}`

export function requireDigest(version: ModelVersion): NonNullable<ModelVersion['digest']> {
  if (version.digest !== undefined) return version.digest
  throw conflict(`The files of ${named(version)} are not here: they cannot be read, signed or approved.`, {
    source: version.source,
  })
}
