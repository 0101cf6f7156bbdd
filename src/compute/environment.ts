import type { Recipe } from './recipe.ts'

/** Packages that a task runs with, built once from a lock file and shared by all that name the same. */
export interface Environment extends Omit<Recipe, 'files'> {
  /** Folders to put first on the PATH. */
  readonly path: readonly string[]
  /** What is to be set beside the PATH. */
  readonly variables?: Readonly<Record<string, string>>
  /** A folder of node modules, and the lock file it belongs to. */
  readonly modules?: { readonly lock: string; readonly modules: string }
}
