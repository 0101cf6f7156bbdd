/** Where code lies: src/ in the repository, as `.ts`; bundled under the same names in the package, as `.js`. */

const isSource = import.meta.url.endsWith('.ts')

/** Where package.json, examples/ and the like stand. */
export const packageRoot = new URL(isSource ? '../../' : '../', import.meta.url)

const code = new URL(isSource ? 'src/' : './', packageRoot)

/**
 * A module that a process, a worker or a hook is started with, by its path in src/ without the extension:
 * `storage/duckdb-worker`. Such a module ends in `main`, `-worker` or `-hook`; scripts/built.ts keeps it a file of its own.
 */
export const moduleAt = (path: string): URL => new URL(`${path}${isSource ? '.ts' : '.js'}`, code)

/** What stands among the code and is no module of it, by its path in src/: `compute/shim/`. */
export const besideCode = (path: string): URL => new URL(path, code)

/** What is shipped, by its path in the package: the pages are `web`. In the repository it lies in dist/. */
export const builtAt = (path: string): URL => new URL(isSource ? `dist/${path}` : path, packageRoot)
