import { newId } from '#kernel/id.ts'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import type { Evaluation } from './evaluator.ts'
import type { Trained } from './registry.ts'
import type { ModelDraft, VersionDraft } from './store.ts'

/** Valid rows for the tests of this component. */

export const evaluationThat = (passed: boolean): Evaluation => ({
  metric: 'brier',
  metrics: { brier: 0.2, loss_mean: 0.2, loss_sd: 0.1 },
  rows: 90,
  importance: { wind: 0.01 },
  gate: { passed, rules: [{ rule: 'threshold', measured: 'brier 0.2', required: 'brier at most 0.25', passed }] },
})

type EvaluatedDraft = VersionDraft & Trained

export function versionDraft(change: Partial<EvaluatedDraft> = {}): EvaluatedDraft {
  const id = newId<'model_version'>('mdv')
  return {
    id,
    key: id,
    project: 'rain',
    model: 'rain',
    stage: 'staging',
    content: 'onnx',
    digest: digestOf(id),
    bytes: 10,
    flavor: 'onnx',
    source: `mlflow-artifacts:/model-versions/${id}`,
    signature: {
      inputs: [{ name: 'wind', datatype: 'FP32', shape: [-1, 1] }],
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
    },
    evaluation: evaluationThat(true),
    run: newId('run'),
    description: '',
    tags: {},
    user: 'trainyard',
    createdAt: 1_000 as Millis,
    ...change,
  }
}

/** A version as a client registers it. */
export function registeredDraft(change: Partial<VersionDraft> = {}): VersionDraft {
  return {
    id: newId<'model_version'>('mdv'),
    project: 'default',
    model: 'iris',
    stage: 'candidate',
    content: 'none',
    source: 's3://bucket/model',
    description: '',
    tags: {},
    user: 'ada',
    createdAt: 1_000 as Millis,
    ...change,
  }
}

export const modelDraft = (change: Partial<ModelDraft> = {}): ModelDraft => ({
  id: newId('mdl'),
  project: 'default',
  name: 'iris',
  fullName: change.name ?? 'iris',
  description: '',
  user: 'ada',
  tags: {},
  createdAt: 1_000 as Millis,
  ...change,
})
