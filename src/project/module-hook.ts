import { registerHooks } from 'node:module'

/**
 * Loaded with `--import` before code of a project: there, `import { defineProject } from 'trainyard'` means the platform
 * that runs it, whatever the project has installed or not.
 */
const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
const library = new URL(`../index${extension}`, import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'trainyard' ? { url: library, shortCircuit: true } : next(specifier, context),
})
