import { join } from 'node:path'
import { interpreterOf, type LocalExecutor } from '#compute'
import type { Interpreters } from '#serving'

const buildMsMax = 30 * 60_000

/** Pythons for the workers of models: environments as tasks have them, held as long as this process runs. */
export function composeInterpreters({
  executor: { environments },
  python,
  path,
}: {
  executor: Pick<LocalExecutor, 'environments'>
  python: string
  path: string | undefined
}): Interpreters {
  const own = interpreterOf({ python, path })
  return {
    async use({ tree, lock, signal = AbortSignal.timeout(buildMsMax), log = () => {} }) {
      if (lock === undefined) return own()
      const request = { code: tree, kind: 'python', lock, holder: `model ${tree}`, signal, log } as const
      const { path: programs } = await environments.use({ ...request, named: () => {} })
      return join(programs[0]!, 'python')
    },
  }
}
