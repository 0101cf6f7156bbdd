import { registerHooks } from 'node:module'
import { moduleAt } from '#kernel/place.ts'

/**
 * Loaded with `--import` before code of a project: there, `import { defineProject } from 'trainyard'` means the platform
 * that runs it, whatever the project has installed or not.
 */
const library = moduleAt('index').href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'trainyard' ? { url: library, shortCircuit: true } : next(specifier, context),
})
