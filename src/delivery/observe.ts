import { crashPoint } from '#kernel/crash-point.ts'
import { notFound } from '#kernel/error.ts'
import type { TaskCall, TaskResult } from '#workflow'
import { atThisStep, decideCanary } from './canary.ts'
import { createMoves } from './canary-moves.ts'
import { findDeployment, liveRevision } from './deployment.ts'
import { rolledOut, type rolloutOutcomes } from './events.ts'
import type { DeliveryParts, DeployedRevision } from './parts.ts'
import { canaryPolicy, declaredDeployment, firstStep } from './policy.ts'
import { decideShadow } from './shadow.ts'
import { textParam } from './task.ts'
import { withdraw } from './withdraw.ts'

type Outcome = (typeof rolloutOutcomes)[number]
interface End {
  readonly outcome: Outcome
  readonly reason: string
}

export const usualLookMs = 1_000

/** Watches a canary until it is promoted or rolled back, by its guard or by a person, and writes down how it ended. */
export async function observe(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const { ref: revisionId = '', value } = call.inputs['revision'] ?? {}
  const { first } = value as { first: boolean }
  const { project } = call.run
  const [name, versionId] = [textParam(call, 'deployment'), textParam(call, 'version')]
  const revision = (await findDeployment(parts, project, name))?.revisions.find(({ id }) => id === revisionId)
  if (!revision) throw notFound('deployment revision', revisionId)

  const end = first
    ? { outcome: 'first' as const, reason: 'It is the first revision of the deployment.' }
    : await endOf(parts, call, revision)
  if ('waitMs' in end) return end

  crashPoint('delivery.canary_ended')
  if (end.outcome === 'rolled_back') {
    const version = await parts.registry.version(versionId)
    await withdraw(parts, { version, former: (await liveRevision(parts, project, name))?.version, reason: end.reason })
  }
  const data = { deployment: name, revision: revisionId, version: versionId, ...end }
  await parts.store.conclude({ run: call.run.id, at: parts.clock.now(), ...data }, tx =>
    parts.outbox.emit(tx, rolledOut, { project, actor: call.run.actor, data }),
  )
  call.log(`Revision ${revision.number}: ${end.outcome.replace('_', ' ')}. ${end.reason}`)
  return { outputs: { outcome: { value: { ...end } } } }
}

type Waiting = { readonly waitMs: number; readonly waitingFor: string }

async function endOf(parts: DeliveryParts, call: TaskCall, revision: DeployedRevision): Promise<End | Waiting> {
  if (revision.state === 'shadow') return endOfShadow(parts, call, revision)
  // It has ended before: by an attempt that was lost, or by a person.
  if (revision.state !== 'canary')
    return revision.state === 'live'
      ? { outcome: 'promoted', reason: 'It takes all of the traffic.' }
      : { outcome: 'rolled_back', reason: 'Its traffic was taken away.' }
  return endOfCanary(parts, call, revision)
}

async function endOfCanary(parts: DeliveryParts, call: TaskCall, revision: DeployedRevision): Promise<End | Waiting> {
  const { serving, registry, clock } = parts
  const { actor } = call.run
  const name = textParam(call, 'deployment')
  const { weight } = revision
  const seen = await serving.guard(name)
  const policy = await canaryPolicy(parts, call)
  const moves = createMoves(parts, call, { revision, seen, policy })
  const known = await moves.catchUp()
  const { stage } = await registry.version(revision.version)
  const decision = decideCanary(
    {
      verdict: seen.verdict,
      because: seen.reason,
      weight,
      ...atThisStep(known, seen, clock.now()),
      outcome: (await parts.outcomes(name)).differences.find(difference => difference.revision === revision.id),
      elapsedMs: clock.now() - seen.since,
      wanted: stage === 'production',
    },
    policy,
  )
  const waitMs = parts.lookEveryMs ?? usualLookMs
  if (decision.outcome === 'wait') return { waitMs, waitingFor: decision.waitingFor }
  if (decision.outcome === 'hold') {
    if (known.at(-1)?.move !== 'hold') await moves.add('hold', weight, decision.waitingFor)
    return { waitMs, waitingFor: decision.waitingFor }
  }
  const { reason } = decision
  const because = { revision: revision.id, actor, reason }
  // Before it is done: what is written down twice was decided twice.
  await moves.add(decision.outcome, weightAfter(decision), reason)
  crashPoint('delivery.canary_decided')
  if (decision.outcome === 'advance') {
    await serving.startCanary(name, { ...because, weight: decision.weight })
    call.log(`Revision ${revision.number} takes ${decision.weight} % of the traffic. ${reason}`)
    return { waitMs, waitingFor: `its first requests at ${decision.weight} %` }
  }
  await serving.finishCanary(name, { ...because, outcome: decision.outcome })
  return { outcome: decision.outcome === 'promote' ? 'promoted' : 'rolled_back', reason }
}

const weightAfter = (
  decision: { outcome: 'advance'; weight: number } | { outcome: 'promote' | 'roll_back' },
): number => {
  if (decision.outcome === 'advance') return decision.weight
  return decision.outcome === 'promote' ? 100 : 0
}

/** A shadow that ends well is a canary, and is watched on. */
async function endOfShadow(parts: DeliveryParts, call: TaskCall, revision: DeployedRevision): Promise<End | Waiting> {
  const { serving, registry, clock } = parts
  const { actor } = call.run
  const name = textParam(call, 'deployment')
  const waitMs = parts.lookEveryMs ?? usualLookMs
  const seen = (await serving.shadows(name)).filter(shadow => shadow.revision === revision.id)
  const sum = (of: 'rows' | 'agreed' | 'errors'): number => seen.reduce((total, shadow) => total + shadow[of], 0)
  const { stage } = await registry.version(revision.version)
  const decision = decideShadow(
    {
      rows: sum('rows'),
      agreed: sum('agreed'),
      errors: sum('errors'),
      psi: Math.max(
        0,
        ...seen.map(({ scorePsi = 0, scorePsiByChance = 0 }) => (scorePsi > scorePsiByChance ? scorePsi : 0)),
      ),
      elapsedMs: clock.now() - revision.createdAt,
      wanted: stage === 'production',
    },
    (await declaredDeployment(parts, call))?.shadow,
  )
  if (decision.outcome === 'wait') return { waitMs, waitingFor: decision.waitingFor }
  const { outcome, reason } = decision
  const because = { revision: revision.id, actor, reason }
  if (outcome === 'end') {
    await serving.setShadow(name, { ...because, share: 0 })
    return { outcome: 'rolled_back', reason }
  }
  const weight = firstStep(await canaryPolicy(parts, call))
  await serving.startCanary(name, { ...because, weight })
  call.log(`Revision ${revision.number} takes ${weight} % of the traffic. ${reason}`)
  return { waitMs, waitingFor: 'its first requests' }
}
