import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { FeatureVersion, TrainingSet } from './feature-version.ts'

/** What a feature version follows from. */
export type Recipe = Pick<FeatureVersion, 'project' | 'view' | 'transform' | 'engineer' | 'dataset'>

/** Where feature versions and training sets are kept. Adapters must pass store.contract.ts. */
export interface FeatureStore {
  transaction<T>(work: (tx: AnyTx) => Promise<T>): Promise<T>
  /** Appends the next version of the view, numbered densely even when writers race. */
  append(tx: AnyTx, draft: Omit<FeatureVersion, 'version'>): Promise<FeatureVersion>
  find(id: FeatureVersion['id']): Promise<FeatureVersion | undefined>
  /** The newest version with this recipe. */
  findMade(recipe: Recipe): Promise<FeatureVersion | undefined>
  latest(project: string, view: string): Promise<FeatureVersion | undefined>
  /** Newest first. */
  versions(project: string, view: string, page: PageRequest): Promise<Page<FeatureVersion>>
  /** Of all views of a project, also of those that it declares no more, in the order of their ids. */
  ofProject(project: string, page: PageRequest): Promise<Page<FeatureVersion>>
  /** Keeps a training set, or answers the one that the project has under this recipe. */
  addTrainingSet(tx: AnyTx, draft: TrainingSet, recipe: string): Promise<{ set: TrainingSet; added: boolean }>
  findTrainingSet(id: TrainingSet['id']): Promise<TrainingSet | undefined>
  /** In the order of their ids. */
  trainingSets(project: string, page: PageRequest): Promise<Page<TrainingSet>>
  /** Records that a task has announced a materialisation of the view; false when this key was the last to do so. */
  announce(tx: AnyTx, of: { project: string; view: string }, key: string): Promise<boolean>
}
