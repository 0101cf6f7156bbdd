import type { Digest } from '#kernel/digest.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { TrainyardError } from '#kernel/error.ts'
import { isEvaluated, type EvaluatedVersion } from '#registry'
import { requireLogged } from '#serving'
import type { PlatformTask, TaskCall, TaskResult } from '#workflow'
import { putBundle } from './bundle.ts'
import { awaitConversion } from './conversion.ts'
import { findDeployment, liveRevision } from './deployment.ts'
import { goldenRows } from './golden.ts'
import { observe, usualLookMs } from './observe.ts'
import type { DeliveryParts } from './parts.ts'
import { programmeOf } from './programme.ts'
import { canaryPolicy, declaredDeployment, firstStep } from './policy.ts'
import { bundleRegistered } from './registered.ts'
import { digestInput, textParam } from './task.ts'
import { withdraw } from './withdraw.ts'

export const deployHandlers = (parts: DeliveryParts): Record<string, PlatformTask> => ({
  'delivery.bundle': call => bundle(parts, call),
  'delivery.rehearse': call => rehearse(parts, call),
  'delivery.release': call => release(parts, call),
  'delivery.observe': call => observe(parts, call),
})

async function bundle(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const version = await parts.registry.version(textParam(call, 'version'))
  const waits = await awaitConversion(parts, version)
  if (waits) return waits
  const digest = await (isEvaluated(version)
    ? bundleEvaluated(parts, version, call)
    : bundleRegistered(parts, version, call))
  call.log(`Version ${version.version} of ${version.model} is bundle ${digest}.`)
  return { outputs: { bundle: { digest } } }
}

async function bundleEvaluated(parts: DeliveryParts, version: EvaluatedVersion, call: TaskCall): Promise<Digest> {
  const { projects, features, blobs } = parts
  const revision = await projects.current(version.project)
  const model = revision.spec.models[version.model]
  if (!model) throw new TrainyardError('conflict', `The project no longer declares the model ${version.model}.`)
  const golden = await goldenRows(parts, version, call.signal)
  call.log(
    golden.length === 0
      ? 'The rows that the version was tested on are gone: no predictions to compare with.'
      : `${golden.length} rows of the test set with known predictions.`,
  )
  const service = await features.resolveService(version.project, model.service, version.trainingSet)
  if (model.serving) call.log(`Its serving code is ${model.serving} of revision ${revision.number}.`)
  return putBundle(blobs, { version, model, revision, service, golden })
}

async function rehearse(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const digest = digestInput(call, 'bundle')
  const { checks } = await parts.rehearse(digest, call.signal, await programmeOf(parts, call))
  for (const { name, passed, found } of checks) call.log(`${passed ? 'passed' : 'FAILED'}  ${name}: ${found}`)
  const failed = checks.filter(({ passed }) => !passed)
  if (failed.length === 0) return { outputs: { bundle: { digest } }, metrics: { checks: checks.length } }
  const reason = `The rehearsal failed: ${failed.map(({ name }) => name).join(', ')}.`
  const version = await parts.registry.version(textParam(call, 'version'))
  await withdraw(parts, {
    version,
    former: (await liveRevision(parts, version.project, textParam(call, 'deployment')))?.version,
    reason,
  })
  throw new TrainyardError('task_failed', reason, { cause: 'rehearsal', checks: failed })
}

async function release(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const { serving, registry, ledger, db } = parts
  const [name, bundleDigest] = [textParam(call, 'deployment'), digestInput(call, 'bundle')]
  const version = await registry.version(textParam(call, 'version'))
  const { project, model, stage } = version
  if (stage !== 'production')
    throw new TrainyardError('conflict', `Version ${version.version} of ${model} is in ${stage}: it is not released.`)
  const deployment = await findDeployment(parts, project, name)
  const canary = deployment?.revisions.find(({ state }) => state === 'canary' || state === 'shadow')
  // The answer to an earlier attempt that was lost.
  const known = deployment?.revisions.find(
    ({ state, bundle: held }) => ['shadow', 'canary', 'live'].includes(state) && held === bundleDigest,
  )
  if (canary && !known)
    return {
      waitMs: parts.lookEveryMs ?? usualLookMs,
      waitingFor: `revision ${canary.number}, a ${canary.state} of another version, to end`,
    }
  const first = (deployment?.revisions ?? []).every(({ state, id }) => state !== 'live' || id === known?.id)
  const weight = first ? 100 : firstStep(await canaryPolicy(parts, call))
  const declared = await declaredDeployment(parts, call)
  if (declared?.log && version.signature) requireLogged(name, version.signature, declared.log)
  const shadow = first ? undefined : declared?.shadow?.share
  const { actor } = call.run
  const revision =
    known ??
    (await serving.deploy({
      project,
      deployment: name,
      model,
      version,
      bundle: bundleDigest,
      weight,
      ...(shadow !== undefined && { shadow }),
      actor,
      reason: call.run.cause.reason,
    }))
  crashPoint('delivery.released')
  await db
    .transaction()
    .execute(tx => ledger.link(tx, { from: revision.id, to: textParam(call, 'promotion'), relation: 'let_through_by' }))
  const takes = shadow === undefined ? `${weight} % of the traffic` : `copies of ${shadow} % of the requests`
  call.log(`Revision ${revision.number} of ${name} takes ${takes}.`)
  return { outputs: { revision: { ref: revision.id, value: { number: revision.number, first } } } }
}
