/** Where package.json, examples/ and the like stand: above src/ in the repository, beside the compiled files in the package. */
export const packageRoot = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../', import.meta.url)
