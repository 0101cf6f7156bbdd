/** What the platform itself sets to the version in production, where a gate is. */
export const championAlias = 'champion'

/** Aliases that stand for production wherever a gate is; a project adds its own in `guardedAliases`. */
const productionAliases: readonly string[] = ['production', 'prod', championAlias]

/** In any case: people do not tell `Prod` from `prod`. */
export const isGuarded = (alias: string, declared: readonly string[] = []): boolean =>
  [...productionAliases, ...declared].some(guarded => guarded.toLowerCase() === alias.toLowerCase())
