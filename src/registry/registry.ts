import type { Clock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Blobs, Db, Outbox, Tree } from '#storage'
import { versionRegistered } from './events.ts'
import {
  requireEvaluated,
  type AliasMove,
  type EvaluatedVersion,
  type Model,
  type ModelVersion,
  type Stage,
} from './model-version.ts'
import { changeStage, type Move } from './move.ts'
import type { Onnx } from './onnx.ts'
import type { ProductionGuard, ProductionRule } from './production.ts'
import { scoreRows, type FeatureRow, type Scalar } from './score-rows.ts'
import type { ModelStore, VersionDraft } from './store.ts'
import { filesOf, filesUri } from './version-files.ts'

/** The paper's model registry (C6): trained models, numbered, how good each was, and the stage it has earned. */
export interface Registry {
  /**
   * Records a trained model as the next version: in staging when its gate passed, rejected when not. The same key
   * answers the same version.
   */
  register(draft: Trained, links: Links): Promise<EvaluatedVersion>
  /**
   * Moves a version along, with the actor and the reason on record. Behind a gate, whoever was in production is
   * archived in the same transaction. Throws `not_found`, or `conflict` naming the moves that are allowed.
   */
  transition(id: string, move: Move): Promise<ModelVersion>
  /** Adds a condition for production, for models behind a gate: the stage and the aliases that stand for it. */
  guardProduction(guard: ProductionGuard): void
  /** A deleted one too. Throws `not_found`. */
  version(id: string): Promise<ModelVersion>
  /** The same, for who needs what only the platform's own versions have. Throws `conflict` for the others. */
  evaluated(id: string): Promise<EvaluatedVersion>
  /** Newest first. */
  versions(project: string, model: string, page: PageRequest): Promise<Page<ModelVersion>>
  /** By name. */
  models(project: string, page: PageRequest): Promise<Page<Model>>
  /** Newest first. Throws `not_found`. */
  aliasMoves(project: string, model: string, page: PageRequest): Promise<Page<AliasMove>>
  /** The evaluated version in production. */
  champion(project: string, model: string): Promise<EvaluatedVersion | undefined>
  /**
   * The version as the folder that MLflow's clients load, whatever it was made by. Throws `not_found` when its files
   * are not here.
   */
  files(id: string): Promise<Tree>
  /** Runs rows of features through a version, outside of any deployment. Throws `invalid` naming row and feature. */
  score(id: string, rows: readonly FeatureRow[], signal?: AbortSignal): Promise<{ outputs: Record<string, Scalar[]> }>
}

/** What a pipeline registers. */
export type Trained = Pick<
  EvaluatedVersion,
  'project' | 'model' | 'digest' | 'bytes' | 'signature' | 'evaluation' | 'run'
> &
  Pick<VersionDraft, 'trainingSet' | 'trackingRun' | 'code' | 'commit' | 'environment'> & { readonly key: string }

/** What a new version was made from, for the ledger. */
export interface Links {
  readonly evaluation: string
  readonly task: string
}

export interface RegistryParts {
  readonly db: Db
  readonly store: ModelStore
  readonly outbox: Pick<Outbox, 'emit'>
  readonly ledger: Pick<Ledger, 'record' | 'link' | 'linkFirst'>
  readonly production: ProductionRule
  readonly blobs: Blobs
  readonly onnx: Onnx
  readonly clock: Clock
}

/** The platform itself, among users. */
const platform = 'trainyard'

export function createRegistry(parts: RegistryParts): Registry {
  const { db, store, blobs, onnx, production } = parts
  const find = async (id: string): Promise<ModelVersion> => {
    const version = await store.find(id)
    if (!version) throw notFound('model version', id)
    return version
  }
  const evaluated = async (id: string): Promise<EvaluatedVersion> => requireEvaluated(await find(id))

  return {
    async register(draft, links) {
      const known = await store.byKey(draft.key)
      return known ? requireEvaluated(known) : register(parts, draft, links)
    },

    async transition(id, request) {
      const found = await find(id)
      const known = await store.findModel(found.project, found.model)
      if (!known) throw notFound('model version', id)
      const permit = await production.prepare({ model: known, version: found }, { stage: request.to })
      return db.transaction().execute(async tx => {
        const model = await store.lock(tx, known.project, known.name)
        const version = await store.findIn(tx, id)
        if (!model || !version || version.deletedAt !== undefined) throw notFound('model version', id)
        await changeStage(parts, tx, { model, version, permit }, { ...request, alone: false })
        return (await store.findIn(tx, id))!
      })
    },

    guardProduction: guard => production.guard(guard),
    version: find,
    evaluated,
    versions: (project, model, page) => store.list(project, model, page),
    models: (project, page) => store.models(project, page),
    async aliasMoves(project, name, page) {
      const model = await store.findModel(project, name)
      if (!model) throw notFound('model', `${project}/${name}`)
      return store.aliasMoves(model.id, page)
    },
    champion: (project, model) => store.production(project, model),
    files: async id => filesOf(blobs, await find(id)),

    async score(id, rows, signal) {
      const { digest, model, version, signature } = await evaluated(id)
      const file = { path: await blobs.path(digest), name: `${model} ${version}` }
      return { outputs: await scoreRows(onnx, { file, signature }, rows, signal) }
    },
  }
}

function register(
  { db, store, outbox, ledger, clock }: RegistryParts,
  draft: Trained,
  links: Links,
): Promise<EvaluatedVersion> {
  const { passed } = draft.evaluation.gate
  const id = newId<'model_version'>('mdv')
  const stage: Stage = passed ? 'staging' : 'rejected'
  return db.transaction().execute(async tx => {
    const made = await store.append(tx, {
      ...draft,
      id,
      stage: 'candidate',
      content: 'onnx',
      flavor: 'onnx',
      source: filesUri(id),
      description: '',
      tags: {},
      user: platform,
      createdAt: clock.now(),
    })
    await store.move(tx, id, {
      id: newId<'promotion'>('prm'),
      from: 'candidate',
      to: stage,
      actor: platform,
      reason: passed ? 'The gate passed.' : 'The gate failed.',
      digest: draft.digest,
      at: clock.now(),
    })
    const version = requireEvaluated((await store.findIn(tx, id))!)
    await recordVersion(ledger, tx, version, links)
    const { model, fullName, source } = version
    await outbox.emit(tx, versionRegistered, {
      project: draft.project,
      data: {
        model,
        version: id,
        number: made.version,
        stage,
        passed,
        fullName,
        prompt: false,
        source,
        description: '',
        tags: {},
      },
    })
    return version
  })
}

async function recordVersion(
  ledger: RegistryParts['ledger'],
  tx: AnyTx,
  version: EvaluatedVersion,
  { evaluation, task }: Links,
): Promise<void> {
  const { id, project, model, version: number, stage, digest, trainingSet, trackingRun } = version
  const { metric, metrics, gate } = version.evaluation
  await ledger.record(tx, {
    id,
    kind: 'model_version',
    label: `${model} ${number}`,
    project,
    facts: {
      model,
      version: number,
      digest,
      metric,
      value: metrics[metric] ?? null,
      gate: gate.passed ? 'passed' : 'failed',
      registered: stage,
    },
  })
  await ledger.link(tx, { from: id, to: evaluation, relation: 'evaluated_by' })
  await ledger.linkFirst(tx, { from: id, to: task, relation: 'made_by' })
  if (trainingSet !== undefined) await ledger.link(tx, { from: id, to: trainingSet, relation: 'trained_on' })
  if (trackingRun !== undefined) await ledger.link(tx, { from: id, to: trackingRun, relation: 'tracked_by' })
}
