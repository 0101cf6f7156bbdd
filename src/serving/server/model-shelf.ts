import { bundleFolder } from '../routes-file.ts'
import { loadModel, type LoadParts } from './model.ts'
import type { LoadedModel } from './loaded-model.ts'

/** The models in memory, by bundle. */
export interface ModelShelf {
  get(bundle: string): LoadedModel | undefined
  /** Why a bundle that was wanted is not there. */
  problem(bundle: string): string | undefined
  /** Loads what is not there yet; also what could not be loaded before. */
  load(wanted: ReadonlySet<string>): Promise<void>
  /** Lets go of everything else, after a while in which requests may still hold it. */
  keep(wanted: ReadonlySet<string>): void
  /** Each bundle: `ready`, or why it cannot be loaded. */
  states(): Record<string, string>
}

/** How long a model that no route names any more is kept for requests that still hold it. */
const releaseMs = 30_000

export function createModelShelf(folder: string, parts: LoadParts): ModelShelf {
  const models = new Map<string, LoadedModel>()
  const problems = new Map<string, string>()

  async function load(bundle: string): Promise<void> {
    if (models.has(bundle)) return
    try {
      models.set(bundle, await loadModel(bundleFolder(folder, bundle), parts))
      problems.delete(bundle)
    } catch (error) {
      problems.set(bundle, error instanceof Error ? error.message : String(error))
    }
  }

  return {
    get: bundle => models.get(bundle),
    problem: bundle => problems.get(bundle),
    async load(wanted) {
      // All at once they would take more memory than they may.
      const atOnce = parts.memory.isBounded ? 1 : Infinity
      const waiting = [...wanted]
      const next = async (): Promise<void> => {
        for (let bundle = waiting.shift(); bundle !== undefined; bundle = waiting.shift()) await load(bundle)
      }
      await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, next))
    },
    keep(wanted) {
      for (const bundle of problems.keys()) if (!wanted.has(bundle)) problems.delete(bundle)
      for (const [bundle, model] of models) {
        if (wanted.has(bundle)) continue
        models.delete(bundle)
        setTimeout(() => void model.release().catch(() => {}), releaseMs).unref()
      }
    },
    states: () => Object.fromEntries([...[...models.keys()].map(bundle => [bundle, 'ready'] as const), ...problems]),
  }
}
