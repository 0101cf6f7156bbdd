import type { Projects } from '#project'
import type { AnyTx } from '#storage'
import { requireAlias, requireMove, type ModelVersion, type Stage } from './model-version.ts'
import { isGuarded } from './production-alias.ts'
import type { RegisteredModel } from './registered-model.ts'

/**
 * What leads to production, in one place, whichever API asks: the stage of that name, the aliases that stand for it
 * anyway (`production-alias.ts`), and those that the project declares. Behind a gate only a version that passed gets there.
 */
export interface ProductionRule {
  /** Adds a condition of another component, for models behind a gate. */
  guard(guard: ProductionGuard): void
  /** What the project says of a model, whether the model is there or not. */
  declared(place: { project: string; name: string }): Promise<Declared>
  /** Looks at what has to be read before a transaction; what it answers decides within one. */
  prepare(held: Held, target: Target): Promise<Permit>
}

/** Called before a transaction; what it answers is called within it. Either throws `conflict` to hold the version back. */
export type ProductionGuard = (version: ModelVersion) => Promise<(tx: AnyTx) => Promise<void>>

export interface Declared {
  /** The project declares the model, and with it a gate. */
  readonly gated: boolean
  readonly guardedAliases: readonly string[]
}

export interface Held {
  readonly model: RegisteredModel
  readonly version: ModelVersion
}

export type Target = { readonly stage: Stage } | { readonly alias: string }

export interface Permit {
  gated(model: RegisteredModel): boolean
  /** Throws `conflict` unless the version may go there. Asked while the model's row is held. */
  check(tx: AnyTx, held: Held): Promise<void>
}

export function createProductionRule(projects: Pick<Projects, 'find'>): ProductionRule {
  const guards: ProductionGuard[] = []

  async function declared({ project, name }: { project: string; name: string }): Promise<Declared> {
    const models = (await projects.find(project))?.spec.models ?? {}
    const spec = Object.hasOwn(models, name) ? models[name] : undefined
    return { gated: spec !== undefined, guardedAliases: spec?.guardedAliases ?? [] }
  }

  /**
   * A model of another project may be older than the project that its full name says. Behind that name clients expect
   * what the project declares, and its gate holds for whoever bears it.
   */
  async function declaredByName({ project, name, fullName }: RegisteredModel): Promise<Declared> {
    const own = await declared({ project, name })
    const dot = fullName.indexOf('.')
    if (own.gated || dot < 1) return own
    return declared({ project: fullName.slice(0, dot), name: fullName.slice(dot + 1) })
  }

  return {
    guard: guard => void guards.push(guard),
    declared,

    async prepare({ model, version }, target) {
      const said = await declaredByName(model)
      const gated = (held: RegisteredModel): boolean => said.gated || held.gated
      const leads = 'stage' in target ? target.stage === 'production' : isGuarded(target.alias, said.guardedAliases)
      const checks: Awaited<ReturnType<ProductionGuard>>[] = []
      if (leads && gated(model)) for (const guard of guards) checks.push(await guard(version))
      return {
        gated,
        async check(tx, held) {
          if ('stage' in target) requireMove(held.version, target.stage, gated(held.model))
          else requireAlias(held.version, target.alias, leads && gated(held.model))
          for (const check of checks) await check(tx)
        },
      }
    },
  }
}
