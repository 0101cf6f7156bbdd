import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import type { Id } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Filter, Order } from '#search'
import type { AnyTx } from '#storage'
import type { Evaluation } from './evaluator.ts'
import type { AliasMove, EvaluatedVersion, Model, ModelVersion, Stage, Transition } from './model-version.ts'
import type { RegisteredModel } from './registered-model.ts'
import type { Signature } from './signature.ts'

/** An evaluation as the platform made it: what a user's task hands to `registry.register` is looked up here. */
export interface EvaluationRecord {
  readonly id: Id<'evaluation'>
  readonly key: string
  readonly project: string
  readonly model: string
  readonly modelDigest: Digest
  readonly digest: Digest
  readonly signature: Signature
  readonly evaluation: Evaluation
  readonly trainingSet?: string | undefined
  readonly createdAt: Millis
}

/** A version about to be numbered. The key is that of the task which made it. */
export type VersionDraft = Omit<
  ModelVersion,
  'fullName' | 'version' | 'aliases' | 'transitions' | 'updatedAt' | 'deletedAt'
> & { readonly key?: string | undefined }

export type ModelDraft = Omit<RegisteredModel, 'gated' | 'versions' | 'aliases' | 'updatedAt'>

/** What of a model may change. */
export interface ModelChange {
  readonly name?: string
  readonly fullName?: string
  readonly description?: string
  readonly deletedAt?: Millis
  readonly updatedAt: Millis
}

/** The models that who asks may read: those of some projects, and some by name. */
export type Readable = 'all' | { readonly projects: readonly string[]; readonly fullNames: readonly string[] }

export interface Search {
  readonly readable: Readable
  readonly filter: Filter | undefined
  readonly order: readonly Order[]
  readonly limit: number
  /** The token of the page before. */
  readonly after?: string | undefined
}

/** Rows with the token that each would leave off at: what a reader takes is the reader's affair. */
export type Found<Row> = readonly { readonly row: Row; readonly token: string }[]

/** Where evaluations are kept. */
export interface EvaluationStore {
  /** Keeps an evaluation; of two with the same key the first one stays and is answered. */
  putEvaluation(tx: AnyTx, record: EvaluationRecord): Promise<EvaluationRecord>
  /** The newest evaluation with these bytes. */
  findEvaluation(project: string, digest: Digest): Promise<EvaluationRecord | undefined>
  evaluationByKey(key: string): Promise<EvaluationRecord | undefined>
}

/** Where versions are kept. What was deleted is found by its id alone. */
export interface VersionStore {
  /**
   * Appends the next version of the model, which is made if it is not there. Numbers are dense even when writers race,
   * and are not given out twice. Throws `already_exists` when the model's full name is another's.
   */
  append(tx: AnyTx, draft: VersionDraft): Promise<ModelVersion>
  /**
   * Puts a version of another registry at its number, which no version may have; the next number is behind all. The
   * caller holds the model.
   */
  put(tx: AnyTx, at: { readonly model: string; readonly version: number }, draft: VersionDraft): Promise<void>
  /** Says when a version was last changed, elsewhere. */
  setUpdated(tx: AnyTx, id: string, at: Millis): Promise<void>
  /** Changes the stage and writes down the move. */
  move(tx: AnyTx, id: string, transition: Transition): Promise<void>
  describe(tx: AnyTx, id: string, description: string, at: Millis): Promise<void>
  /** Hides the version and takes its aliases off. */
  remove(tx: AnyTx, id: string, at: Millis): Promise<void>
  setVersionTag(tx: AnyTx, id: string, key: string, value: string): Promise<void>
  removeVersionTag(tx: AnyTx, id: string, key: string): Promise<boolean>
  /** The version as the transaction sees it. */
  findIn(tx: AnyTx, id: string): Promise<ModelVersion | undefined>
  inStage(tx: AnyTx, model: string, stage: Stage): Promise<readonly ModelVersion[]>

  find(id: string): Promise<ModelVersion | undefined>
  byKey(key: string): Promise<ModelVersion | undefined>
  byNumber(model: string, version: number): Promise<ModelVersion | undefined>
  byAlias(model: string, alias: string): Promise<ModelVersion | undefined>
  /** The evaluated version in production. */
  production(project: string, model: string): Promise<EvaluatedVersion | undefined>
  /** Newest first. */
  list(project: string, model: string, page: PageRequest): Promise<Page<ModelVersion>>
  /** The newest version of each model in each stage, by number. Without aliases and transitions. */
  latest(models: readonly string[]): Promise<readonly (ModelVersion & { readonly modelId: string })[]>
  /** How many versions there are by project, and the length of their files. */
  usage(): Promise<readonly { project: string; files: number; bytes: number }[]>
  /** In the given order, then as MLflow breaks ties. Without aliases and transitions. */
  searchVersions(search: Search): Promise<Found<ModelVersion>>
}

/** Where registered models are kept. Deleted ones are not found, and their names are free. */
export interface RegisteredModelStore {
  /** Makes a model. Undefined when the name or the full name is taken. */
  createModel(tx: AnyTx, draft: ModelDraft): Promise<RegisteredModel | undefined>
  /** Holds the model's row until the transaction ends: numbering and moving happen one after the other. */
  lock(tx: AnyTx, project: string, name: string): Promise<RegisteredModel | undefined>
  /** False when the new name is taken. */
  changeModel(tx: AnyTx, id: string, change: ModelChange): Promise<boolean>
  setModelTag(tx: AnyTx, id: string, key: string, value: string): Promise<void>
  removeModelTag(tx: AnyTx, id: string, key: string): Promise<boolean>
  /** Points an alias at a version, or at none, and writes down the move. */
  moveAlias(tx: AnyTx, model: string, version: string | undefined, move: AliasMove): Promise<void>

  findModel(project: string, name: string): Promise<RegisteredModel | undefined>
  findByFullName(fullName: string): Promise<RegisteredModel | undefined>
  /** Newest first. */
  aliasMoves(model: string, page: PageRequest): Promise<Page<AliasMove>>
  /** By name, with champion and newest version. Models without a version are left out. */
  models(project: string, page: PageRequest): Promise<Page<Model>>
  searchModels(search: Search): Promise<Found<RegisteredModel>>
}

/** Where models, versions and evaluations are kept. Adapters must pass store.contract.ts. */
export type ModelStore = EvaluationStore & VersionStore & RegisteredModelStore
