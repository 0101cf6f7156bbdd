import { durationMs } from '#kernel/duration.ts'
import type { DeploymentSpec } from '#project'

/** What is known of a shadow at one look. */
export interface ShadowView {
  readonly rows: number
  /** Rows to which the shadow and the revision that answered say the same. */
  readonly agreed: number
  /** Copies that it failed at. */
  readonly errors: number
  /** How differently its scores are distributed, as population stability index; 0 of what may be chance. */
  readonly psi: number
  /** Since it got its first copy. */
  readonly elapsedMs: number
  /** Whether its model version is still the one that should be in production. */
  readonly wanted: boolean
}

export type ShadowDecision =
  | { readonly outcome: 'canary' | 'end'; readonly reason: string }
  | { readonly outcome: 'wait'; readonly waitingFor: string }

/** From here on one in five copies that fail are too many. */
const [copiesMin, errorShareMax] = [50, 0.2]
/** From here on a shift is worth a look [Siddiqi 2006]. */
const psiWatched = 0.1

/** A shadow that fails ends; one that has seen enough becomes a canary, unless it says something else too often. */
export function decideShadow(
  { rows, agreed, errors, psi, elapsedMs, wanted }: ShadowView,
  policy: DeploymentSpec['shadow'],
): ShadowDecision {
  if (!wanted) return { outcome: 'end', reason: 'Its model version is no longer the one for production.' }
  if (rows + errors >= copiesMin && errors > errorShareMax * (rows + errors))
    return { outcome: 'end', reason: `It failed at ${errors} copies of requests and answered ${rows} rows.` }
  if (!policy) return { outcome: 'canary', reason: 'The project no longer wants shadows.' }
  const { rowsMin, agreement = 0, psi: psiMax, minDuration, maxDuration } = policy
  if (elapsedMs < durationMs(minDuration))
    return { outcome: 'wait', waitingFor: `the shadow to get copies for ${minDuration}; it has answered ${rows} rows` }
  if (rows < rowsMin && elapsedMs < durationMs(maxDuration))
    return { outcome: 'wait', waitingFor: `the shadow to have answered ${rows} of ${rowsMin} rows` }
  const said = `${agreed} of ${rows} rows`
  const index = `the index of its scores is ${psi.toFixed(3)}`
  const against = [
    ...(agreed < agreement * rows ? [`the shadow says the same to ${said}, below ${agreement}`] : []),
    ...(psi > psiMax ? [`${index}, above ${psiMax}`] : []),
  ]
  if (against.length > 0) return { outcome: 'wait', waitingFor: `somebody to decide: ${against.join('; ')}` }
  const watched = psi > psiWatched ? `, to be watched above ${psiWatched}` : ''
  return { outcome: 'canary', reason: `As a shadow it said the same to ${said}; ${index}${watched}.` }
}
