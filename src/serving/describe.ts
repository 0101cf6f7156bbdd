import type { Clock, Millis } from '#kernel/clock.ts'
import { conflict, notFound } from '#kernel/error.ts'
import type { Projects } from '#project'
import { declaredOf, judgedBy } from './declared.ts'
import type { Deployment, Revision, ShadowComparison } from './deployment.ts'
import { judgeCanary, type GuardVerdict } from './guard.ts'
import { latencyQuantile } from './latency.ts'
import { scoreShift, type ScoreCounts } from './score-shift.ts'
import type { DeploymentRow, RevisionRow, ServingStore } from './store.ts'
import type { Supervisor } from './supervisor.ts'

export interface DescribeParts {
  readonly store: ServingStore
  readonly projects: Pick<Projects, 'find'>
  readonly supervisor: Pick<Supervisor, 'url' | 'isUp' | 'crashesSince'>
  /** Where clients send requests, whose model server listens there. */
  shownUrl(url: string): string
  readonly clock: Clock
}

/** Where what answers under a name is asked. */
export function askedUrl(
  { supervisor, shownUrl }: Pick<DescribeParts, 'supervisor' | 'shownUrl'>,
  name: string,
): string {
  const url = supervisor.url()
  return `${url === undefined ? '' : shownUrl(url)}/v2/models/${name}`
}

/** Deployments with their revisions, counts and latencies. */
export async function describeDeployments(
  { store, projects, supervisor, shownUrl }: DescribeParts,
  rows: readonly DeploymentRow[],
): Promise<readonly Deployment[]> {
  const revisions = await store.revisions(rows.map(({ name }) => name))
  const latencies = await store.latencies(revisions.map(({ id }) => id))
  const declared = await declaredOf(projects, rows)
  const isUp = supervisor.isUp()
  return rows.map(({ name, createdAt, ...row }) => {
    const own = revisions.filter(({ deployment }) => deployment === name)
    const state = !isUp ? 'down' : own.some(revision => revision.state === 'canary') ? 'canary' : 'live'
    return {
      ...row,
      name,
      url: askedUrl({ supervisor, shownUrl }, name),
      state,
      ...declared.get(name)!,
      revisions: own.map(revision => toRevision(revision, latencies.get(revision.id))),
      createdAt: createdAt as Deployment['createdAt'],
    }
  })
}

function toRevision(
  { liveAt: _, errorStreak: __, ...revision }: RevisionRow,
  latency: ReadonlyMap<number, number> = new Map(),
): Revision {
  return { ...revision, ...quantiles(latency, ['latencyP50Ms', 'latencyP95Ms']) }
}

/** A quantile is known to 15 %: more digits than two would say what nobody knows. */
const knownDigits = (ms: number | undefined): number | undefined => ms && Number(ms.toPrecision(2))

/** What the revisions of a deployment have answered as shadows. */
export async function shadowsOf(store: ServingStore, name: string): Promise<readonly ShadowComparison[]> {
  const counts = await store.shadows((await store.revisions([name])).map(({ id }) => id))
  return counts.map(({ differenceSum, latency, againstLatency, scores, againstScores, ...same }) => ({
    ...same,
    ...shiftOf(scores, againstScores),
    differenceMean: same.rows === 0 ? 0 : differenceSum / same.rows,
    ...quantiles(latency, ['latencyP50Ms', 'latencyP95Ms']),
    ...quantiles(againstLatency, ['againstP50Ms', 'againstP95Ms']),
  }))
}

function shiftOf(
  scores: ScoreCounts,
  againstScores: ScoreCounts,
): Pick<ShadowComparison, 'scorePsi' | 'scorePsiByChance'> {
  const shift = scoreShift(scores, againstScores)
  return shift ? { scorePsi: shift.psi, scorePsiByChance: shift.byChance } : {}
}

/** The median and the 95th percentile under these names, as far as there are any. */
function quantiles<Name extends string>(
  buckets: ReadonlyMap<number, number>,
  [p50, p95]: readonly [Name, Name],
): { [Key in Name]?: number } {
  const found = [0.5, 0.95].map(q => knownDigits(latencyQuantile(buckets, q)))
  return found[0] === undefined ? {} : ({ [p50]: found[0], [p95]: found[1] } as { [Key in Name]?: number })
}

const historyMax = 200

/** What a canary has shown, and since when. */
export interface GuardedCanary extends GuardVerdict {
  readonly revision: string
  readonly since: Millis
}

/** What the canary of a deployment has shown against the live revision. Throws `not_found`, and `conflict` without one. */
export async function guardDeployment(parts: DescribeParts, name: string): Promise<GuardedCanary> {
  const row = await parts.store.deployment(name)
  if (!row) throw notFound('deployment', name)
  const guarded = await guardedCanary(parts, row)
  if (guarded) return guarded
  throw conflict(`The deployment ${name} has no canary.`, { deployment: name })
}

/** The same; undefined while there is no canary. */
export async function guardedCanary(
  { store, projects, supervisor, clock }: DescribeParts,
  row: DeploymentRow,
): Promise<GuardedCanary | undefined> {
  const { name } = row
  const revisions = await store.revisions([name])
  const canary = revisions.find(({ state }) => state === 'canary')
  const control = revisions.find(({ state }) => state === 'live')
  if (!canary || !control) return undefined
  const history = await store.traffic(name, historyMax)
  // A shadow becomes a canary later than it was made.
  const begun = history.findLast(({ weights }) => canary.id in weights)?.at ?? canary.createdAt
  const since = Math.floor(begun / 60_000) * 60_000
  const minutes = await store.guardMinutes({ canary: canary.id, control: control.id, since })
  const latencies = await store.latencies([canary.id, control.id])
  // Newest first: the change that was in force when the minute ended.
  const weightAt = (minute: number): number =>
    (history.find(({ at }) => at < minute + 60_000) ?? history.at(-1))?.weights[canary.id] ?? canary.weight
  const verdict = judgeCanary({
    now: clock.now(),
    minutes: minutes.map(each => ({ ...each, weight: weightAt(each.minute) })),
    canaryStreak: canary.errorStreak,
    crashes: supervisor.crashesSince(canary.createdAt),
    canaryP95Ms: latencyQuantile(latencies.get(canary.id) ?? new Map(), 0.95),
    controlP95Ms: latencyQuantile(latencies.get(control.id) ?? new Map(), 0.95),
    ...(await judgedBy(projects, [row])).get(name)!,
  })
  return { revision: canary.id, since: begun as Millis, ...verdict }
}
