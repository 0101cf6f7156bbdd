import { manualClock, wallClock } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Deployment, DeployedRevision, Rollouts } from './parts.ts'

/** Serving as the tests of this component need it: states and weights, no model server. */
export interface FakeServing extends Rollouts {
  readonly revisions: DeployedRevision[]
  predictions: Rollouts['predictions']
  view: Omit<Awaited<ReturnType<Rollouts['guard']>>, 'since'>
  /** What its shadows have answered. */
  shadowed: Awaited<ReturnType<Rollouts['shadows']>>
  /** Its log of predictions. */
  logged: Awaited<ReturnType<Rollouts['predictions']>>['items']
  /** Ends of canaries, as they were asked for. */
  readonly ends: unknown[]
}

/** A guard that has seen nothing. */
export const noView: FakeServing['view'] = {
  verdict: 'continue',
  requests: 0,
  errors: 0,
  controlRequests: 0,
  controlErrors: 0,
  slow: 0,
  controlSlow: 0,
  late: 0,
  controlLate: 0,
  burn: 0,
  evidence: 0,
  slowEvidence: 0,
  reason: 'There is too little to tell.',
}

/** One deployment named `rain`, with the states and weights that serving gives its revisions. */
export function fakeServing(): FakeServing {
  const revisions: DeployedRevision[] = []
  const serving: FakeServing = {
    revisions,
    view: noView,
    shadowed: [],
    logged: [],
    ends: [],
    deployments: async project => (revisions.length === 0 ? [] : [described(project, revisions)]),
    async deploy({ deployment, version, bundle, weight, shadow = 0 }) {
      const state = shadow > 0 ? 'shadow' : weight === 100 ? 'live' : 'canary'
      const number = revisions.length + 1
      const revision: DeployedRevision = {
        id: newId<'deployment_revision'>('rev'),
        deployment,
        number,
        version: version.id,
        versionNumber: version.version,
        bundle,
        state,
        weight: shadow > 0 ? 0 : weight,
        shadow,
        requests: 0,
        errors: 0,
        createdAt: wallClock.now(),
      }
      revisions.unshift(revision)
      return revision
    },
    follow: async () => {},
    projectOf: async () => 'rain',
    predictions: async () => ({ items: serving.logged }),
    guard: async () => ({ ...serving.view, since: wallClock.now() }),
    shadows: async () => serving.shadowed,
    async setShadow(_, { revision, actor, reason }) {
      serving.ends.push({ outcome: 'shadow', actor, reason })
      Object.assign(
        revisions.find(({ id }) => id === revision)!,
        { state: 'retired', shadow: 0 },
      )
    },
    async startCanary(_, { revision, weight }) {
      Object.assign(
        revisions.find(({ id }) => id === revision)!,
        { state: 'canary', weight, shadow: 0 },
      )
    },
    async finishCanary(_, { revision, outcome, actor, reason }) {
      serving.ends.push({ outcome, actor, reason })
      for (const held of revisions) {
        if (held.id === revision) held.state = outcome === 'promote' ? 'live' : 'rolled_back'
        else if (held.state === 'live' && outcome === 'promote') held.state = 'retired'
      }
    },
  }
  return serving
}

const described = (project: string, revisions: DeployedRevision[]): Deployment => ({
  project,
  name: 'rain',
  model: 'rain',
  url: '',
  state: 'live',
  limits: {},
  log: { oneIn: 1, leaveOut: [], redact: [] },
  revisions,
  createdAt: manualClock().now(),
})
