import type { z } from 'zod'
import { conflict, invalid } from '#kernel/error.ts'
import type {
  DeploymentDetail,
  DeploymentWire,
  PredictionWire,
  revisionStates,
  RevisionWire,
  ShadowWire,
  TrafficChangeWire,
} from './wire.ts'

export type RevisionState = (typeof revisionStates)[number]
export type Revision = z.output<typeof RevisionWire>
export type Deployment = z.output<typeof DeploymentWire>
export type DeploymentDetail = z.output<typeof DeploymentDetail>
export type ShadowComparison = z.output<typeof ShadowWire>
export type TrafficChange = z.output<typeof TrafficChangeWire>
export type Prediction = z.output<typeof PredictionWire>

/** A revision's part of the traffic. The functions below say what it becomes; all weights of a deployment add up to 100. */
export interface Share {
  readonly id: string
  readonly number: number
  readonly state: RevisionState
  /** Percent of requests. */
  readonly weight: number
  /** Percent of requests of which it gets a copy, while it is a shadow. */
  readonly shadow: number
  /** When it last became live: where a roll-back leads to. */
  readonly liveAt: number | undefined
}

/** A new revision with `weight` percent: a canary beside the live one, or live itself when it is the first or gets all. */
export function deployed(shares: readonly Share[], id: string, weight: number): readonly Share[] {
  const live = shares.find(({ state }) => state === 'live')
  if (!live || weight >= 100) return promoted(shares, id)
  return shares.map(share => {
    if (share.id === id) return { ...share, state: 'canary', weight, shadow: 0 }
    return share.id === live.id ? { ...share, weight: 100 - weight } : retired(share)
  })
}

/** One revision gets everything; who had traffic before is retired. */
export const promoted = (shares: readonly Share[], id: string): readonly Share[] =>
  shares.map(share => (share.id === id ? { ...share, state: 'live', weight: 100, shadow: 0 } : retired(share)))

/**
 * A revision that gets copies of so many percent of the requests and answers nobody; an earlier shadow ends, and 0 ends this
 * one. The first revision of a deployment is live. Throws `conflict` for one that takes requests.
 */
export function shadowed(shares: readonly Share[], id: string, percent: number): readonly Share[] {
  if (!shares.some(({ state }) => state === 'live')) return promoted(shares, id)
  const own = shares.find(share => share.id === id)
  if (own && own.weight > 0)
    throw conflict(`Revision ${own.number} is ${own.state} and takes requests: it is no shadow.`, { state: own.state })
  return shares.map(share => {
    if (share.id === id && percent > 0) return { ...share, state: 'shadow', shadow: percent }
    return share.state === 'shadow' ? retired(share) : share
  })
}

/**
 * Back to what was there before: from a canary to the live revision, else from the live one to the one that was live
 * before it. Throws `conflict` when there is none.
 */
export function rolledBack(shares: readonly Share[]): readonly Share[] {
  const canary = shares.find(({ state }) => state === 'canary')
  const live = shares.find(({ state }) => state === 'live')
  const target = canary ? live : fallback(shares)
  if (!target) throw conflict('There is no earlier revision to go back to.')
  const bad = (canary ?? live)?.id
  return promoted(shares, target.id).map(share =>
    share.id === bad ? { ...share, state: 'rolled_back', weight: 0 } : share,
  )
}

/** The revision that was live before the present one. */
export const fallback = (shares: readonly Share[]): Share | undefined =>
  shares
    .filter(({ state, liveAt }) => state === 'retired' && liveAt !== undefined)
    .toSorted((a, b) => b.liveAt! - a.liveAt! || b.number - a.number)[0]

/**
 * Weights as a person sets them. The live revision stays it while it has any weight, else the heaviest becomes it;
 * the others with weight are canaries. Throws `invalid` unless all are revisions of the deployment and add up to 100.
 */
export function divided(shares: readonly Share[], weights: Readonly<Record<string, number>>): readonly Share[] {
  const unknown = Object.keys(weights).filter(id => !shares.some(share => share.id === id))
  const allowed = `a revision of this deployment: ${shares.map(({ id }) => id).join(', ')}`
  if (unknown.length > 0)
    throw invalid(
      'Not all of these are revisions.',
      unknown.map(id => ({ field: `weights.${id}`, allowed })),
    )
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0)
  if (Math.abs(sum - 100) > 1e-6)
    throw invalid('The weights must divide all requests.', [
      { field: 'weights', value: sum, allowed: 'percentages that add up to 100' },
    ])
  const weightOf = ({ id }: Share): number => weights[id] ?? 0
  const heaviest = shares.toSorted((a, b) => weightOf(b) - weightOf(a))[0]
  const live = shares.find(share => share.state === 'live' && weightOf(share) > 0) ?? heaviest
  return shares.map(share => {
    const weight = weightOf(share)
    if (weight === 0) return share.state === 'shadow' ? share : retired(share)
    return { ...share, weight, shadow: 0, state: share.id === live?.id ? 'live' : 'canary' }
  })
}

/** Which revisions the model server holds ready: those with traffic or copies of it, and the one that a roll-back would need at once. */
export function routable<S extends Share>(shares: readonly S[]): readonly S[] {
  const before = fallback(shares)
  return shares.filter(({ id, weight, shadow }) => weight > 0 || shadow > 0 || id === before?.id)
}

export const weightsOf = (shares: readonly Share[]): Record<string, number> =>
  Object.fromEntries(shares.filter(({ weight }) => weight > 0).map(({ id, weight }) => [id, weight]))

const retired = (share: Share): Share => ({
  ...share,
  weight: 0,
  shadow: 0,
  state: share.state === 'rolled_back' ? 'rolled_back' : 'retired',
})
