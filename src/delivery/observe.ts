import { crashPoint } from '#kernel/crash-point.ts'
import { notFound } from '#kernel/error.ts'
import type { TaskCall, TaskResult } from '#workflow'
import { decideCanary } from './canary.ts'
import { findDeployment, liveRevision } from './deployment.ts'
import { rolledOut, type rolloutOutcomes } from './events.ts'
import type { DeliveryParts, DeployedRevision } from './parts.ts'
import { canaryPolicy, declaredDeployment } from './policy.ts'
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
  const { serving, registry, clock } = parts
  const { actor } = call.run
  if (revision.state === 'shadow') return endOfShadow(parts, call, revision)
  // It has ended before: by an attempt that was lost, or by a person.
  if (revision.state !== 'canary')
    return revision.state === 'live'
      ? { outcome: 'promoted', reason: 'It takes all of the traffic.' }
      : { outcome: 'rolled_back', reason: 'Its traffic was taken away.' }
  const name = textParam(call, 'deployment')
  const { verdict, requests, reason: because, since } = await serving.guard(name)
  const { stage } = await registry.version(revision.version)
  const outcome = (await parts.outcomes(name)).differences.find(difference => difference.revision === revision.id)
  const decision = decideCanary(
    {
      verdict,
      because,
      requests,
      outcome,
      elapsedMs: clock.now() - since,
      wanted: stage === 'production',
    },
    await canaryPolicy(parts, call),
  )
  if (decision.outcome === 'wait') return { waitMs: parts.lookEveryMs ?? usualLookMs, waitingFor: decision.waitingFor }
  const { outcome: end, reason } = decision
  await serving.finishCanary(name, { revision: revision.id, outcome: end, actor, reason })
  return { outcome: end === 'promote' ? 'promoted' : 'rolled_back', reason }
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
  const weight = (await canaryPolicy(parts, call))?.weight ?? 100
  await serving.startCanary(name, { ...because, weight })
  call.log(`Revision ${revision.number} takes ${weight} % of the traffic. ${reason}`)
  return { waitMs, waitingFor: 'its first requests' }
}
