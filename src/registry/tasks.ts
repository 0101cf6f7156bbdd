import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { Ledger } from '#metadata'
import type { ModelSpec, Projects, Revision } from '#project'
import type { Blobs, Db, Duckdb } from '#storage'
import type { PlatformTask, TaskCall, Workflow } from '#workflow'
import { evaluateModel } from './evaluator.ts'
import type { EvaluatedVersion } from './model-version.ts'
import type { Onnx } from './onnx.ts'
import type { Registry } from './registry.ts'
import { requireServable } from './signature.ts'
import type { EvaluationRecord, ModelStore } from './store.ts'

export interface RegistryTaskParts {
  readonly db: Db
  readonly store: ModelStore
  readonly registry: Registry
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly projects: Pick<Projects, 'current' | 'revision' | 'file'>
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly onnx: Onnx
  readonly clock: Clock
  readonly workflow: Pick<Workflow, 'task'>
}

/**
 * What pipelines may use: `registry.evaluate` and `registry.register`, steps (21) and (23) of the paper's figure 4; and
 * `registry.champion`, the model in production, for pipelines that judge without training.
 */
export function registryTasks(
  parts: RegistryTaskParts,
): Readonly<Record<'registry.evaluate' | 'registry.register' | 'registry.champion', PlatformTask>> {
  return {
    async 'registry.champion'({ run: { project }, params, log }) {
      const model = params['model'] as string
      const champion = await parts.registry.champion(project, model)
      if (!champion) throw notFound('version in production of model', model)
      log(`Version ${champion.version} of ${model} is in production.`)
      return { outputs: { model: { digest: champion.digest, size: champion.bytes, ref: champion.id } } }
    },

    async 'registry.evaluate'(call) {
      const record = (await parts.store.evaluationByKey(call.key)) ?? (await evaluate(parts, call))
      const { evaluation } = record
      for (const { rule, measured, required, passed } of evaluation.gate.rules) {
        call.log(`${passed ? 'passed' : 'FAILED'}  ${rule}: ${measured} (required: ${required})`)
      }
      return {
        outputs: { evaluation: { digest: record.digest, ref: record.id, value: evaluation } },
        metrics: evaluation.metrics,
      }
    },

    async 'registry.register'(call) {
      const version = await register(parts, call)
      const { evaluation, version: number, model } = version
      call.log(`Registered version ${number} of ${model}.`)
      if (!evaluation.gate.passed) throw gateFailed(version)
      return {
        outputs: { version: { ref: version.id, digest: version.digest, size: version.bytes, value: number } },
        metrics: evaluation.metrics,
      }
    },
  }
}

async function evaluate(
  { db, store, ledger, blobs, duckdb, onnx, clock, projects }: RegistryTaskParts,
  call: TaskCall,
): Promise<EvaluationRecord> {
  const { run, signal, key } = call
  const { project } = run
  const { spec } = await revisionOf(projects, call)
  const { name: model, gate } = modelSpec(spec, call)
  const digest = inputDigest(call, 'model')
  const challenger = { file: { path: await blobs.path(digest), name: `${model} (${digest.slice(0, 12)})` } }
  const signature = await onnx.inspect(challenger.file, signal)
  requireServable(challenger.file.name, signature)
  const champion = await store.production(project, model)
  const evaluation = await evaluateModel(
    { onnx, duckdb },
    {
      challenger: { ...challenger, signature },
      champion: champion && {
        ...champion,
        number: champion.version,
        file: { path: await blobs.path(champion.digest), name: `${model} ${champion.version}` },
      },
      test: await blobs.path(inputDigest(call, 'test')),
      task: spec.objective.task,
      gate,
      signal,
    },
  )
  const test = call.inputs['test']!
  const trainingSet = test.ref?.startsWith('trs_') ? test.ref : undefined
  const blob = await blobs.put(
    canonicalJson({ project, model, digest, signature, test: test.digest, trainingSet, run: run.id, evaluation }),
  )
  return db.transaction().execute(async tx => {
    const record = await store.putEvaluation(tx, {
      id: newId('evl'),
      key,
      project,
      model,
      modelDigest: digest,
      digest: blob.digest,
      signature,
      evaluation,
      trainingSet,
      createdAt: clock.now(),
    })
    const value = evaluation.metrics[evaluation.metric] ?? null
    await ledger.record(tx, {
      id: record.id,
      kind: 'evaluation',
      label: `evaluation of ${model}`,
      project,
      facts: {
        model,
        metric: evaluation.metric,
        value,
        rows: evaluation.rows,
        gate: evaluation.gate.passed ? 'passed' : 'failed',
      },
    })
    if (trainingSet !== undefined) await ledger.link(tx, { from: record.id, to: trainingSet, relation: 'tested_on' })
    if (champion) await ledger.link(tx, { from: record.id, to: champion.id, relation: 'compared_with' })
    return record
  })
}

async function register(
  { store, registry, projects, blobs, workflow }: RegistryTaskParts,
  call: TaskCall,
): Promise<EvaluatedVersion> {
  const { project, id: run, commit } = call.run
  const revision = await revisionOf(projects, call)
  const { name: model } = modelSpec(revision.spec, call)
  const digest = inputDigest(call, 'model')
  const record = await store.findEvaluation(project, inputDigest(call, 'evaluation'))
  if (!record)
    throw invalid('This is no evaluation.', [
      { field: 'evaluation', allowed: 'the output `evaluation` of a task that uses registry.evaluate' },
    ])
  if (record.modelDigest !== digest || record.model !== model) {
    throw invalid('The evaluation is of something else.', [
      {
        field: 'evaluation',
        value: `${record.model} ${record.modelDigest.slice(0, 12)}`,
        allowed: `an evaluation of ${model} ${digest.slice(0, 12)}`,
      },
    ])
  }
  const { signature, evaluation, trainingSet, id } = record
  const { size } = (await blobs.find(digest))!
  const made = {
    run,
    code: revision.code,
    commit: commit ?? revision.commit,
    environment: await environmentOf(projects, revision, call),
    trackingRun: await trackingRunOf(workflow, revision, call),
  }
  return registry.register(
    { key: call.key, project, model, digest, bytes: size, signature, evaluation, trainingSet, ...made },
    { evaluation: id, task: call.taskId },
  )
}

const revisionOf = (projects: RegistryTaskParts['projects'], { run }: TaskCall): Promise<Revision> =>
  run.revision === undefined ? projects.current(run.project) : projects.revision(run.revision)

function modelSpec(spec: Revision['spec'], { params }: TaskCall): ModelSpec & { name: string } {
  const name = params['model'] as string
  const found = spec.models[name]
  if (!found)
    throw invalid('The project has no such model.', [
      {
        field: 'model',
        value: name,
        allowed: Object.keys(spec.models).join(', ') || 'a model that the project declares',
      },
    ])
  return { ...found, name }
}

function inputDigest({ inputs, task }: TaskCall, name: string): Digest {
  const digest = inputs[name]?.digest
  if (!digest)
    throw invalid('An input has no bytes.', [
      { field: `${task}.inputs.${name}`, allowed: 'the output of a task that writes a file' },
    ])
  return digest
}

/** The name of the task whose model this one registers. */
const trainerOf = (revision: Revision, { run, task }: TaskCall): string | undefined =>
  revision.spec.pipelines[run.pipeline]?.tasks[task]?.inputs['model']?.split('.')[0]

/** The lock file of the environment that the model was trained in, with its digest: `package-lock.json 1a2b…`. */
async function environmentOf(
  projects: RegistryTaskParts['projects'],
  revision: Revision,
  call: TaskCall,
): Promise<string | undefined> {
  const trainer = revision.spec.pipelines[call.run.pipeline]?.tasks[trainerOf(revision, call) ?? '']
  const path = trainer?.environment?.python ?? trainer?.environment?.node
  return path === undefined ? undefined : `${path} ${(await projects.file(revision, path)).digest}`
}

/** The tracking run of the training; none, when the platform itself made the model. */
async function trackingRunOf(
  workflow: RegistryTaskParts['workflow'],
  revision: Revision,
  call: TaskCall,
): Promise<string | undefined> {
  const trainer = trainerOf(revision, call)
  if (trainer === undefined) return undefined
  return (await workflow.task(call.run.id, trainer)).attempts.findLast(({ tracking }) => tracking !== undefined)
    ?.tracking
}

function gateFailed({ model, version, evaluation }: EvaluatedVersion): TrainyardError {
  const reasons = evaluation.gate.rules.filter(({ passed }) => !passed)
  const sentence = reasons
    .map(({ rule, measured, required }) => `${rule}: ${measured}, required: ${required}`)
    .join('; ')
  return new TrainyardError('gate_failed', `Version ${version} of ${model} did not pass its gate. ${sentence}.`, {
    reasons,
  })
}
