import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Step } from './build-step.ts'
import { uvSettingsOf } from './pip-settings.ts'
import { isOfUv, type Recipe } from './recipe.ts'

type Variables = Readonly<Record<string, string>>

interface PythonBuild {
  readonly recipe: Recipe
  readonly python: string
  readonly folder: string
  readonly env: Variables
  readonly step: Step
  failed(why: string): Error
}

/** In the folder of an environment. */
export const ownPython = join('venv', 'bin', 'python')
const lock = 'requirements.lock'
const answerMs = 30_000

/**
 * A virtual environment with exact versions, each with its hash: by uv where the builders' PATH has one, else by pip. What
 * stands in it is the same. A package that there is only the source of runs its own build.
 */
export async function buildPython({ recipe, python, folder, env, step, failed }: PythonBuild): Promise<void> {
  const isThere = await hasUv(env)
  if (!isThere && isOfUv(recipe))
    throw failed('it is a lock file of uv, which is not on the PATH here. Allowed: uv, or requirements with hashes.')
  await step([python, '-m', 'venv', 'venv'], env)
  if (!isThere) return step([ownPython, '-m', 'pip', 'install', '--no-input', '--require-hashes', '-r', lock], env)

  const { variables, flags } = await uvVariables(folder, env)
  if (isOfUv(recipe))
    await step(
      ['uv', 'export', '--frozen', '--no-dev', '--no-emit-project', '--quiet', '--output-file', lock],
      variables,
    )
  const install = ['uv', 'pip', 'install', '--python', ownPython, '--require-hashes', '--link-mode', 'copy']
  // Compiled as by pip: who runs in the environment may not write into it, and would compile everything at each start.
  await step([...install, '--compile-bytecode', ...flags, '-r', lock], variables)
}

export const hasUv = (env: Variables): Promise<boolean> =>
  promisify(execFile)('uv', ['--version'], { env, timeout: answerMs }).then(
    () => true,
    () => false,
  )

/** What uv is told so that it looks where the pip of the virtual environment in this folder would. */
export async function uvVariables(
  folder: string,
  env: Variables,
): Promise<{ variables: Variables; flags: readonly string[] }> {
  const listing = await promisify(execFile)(join(folder, ownPython), ['-m', 'pip', 'config', 'list'], {
    env,
    timeout: answerMs,
  }).then(
    ({ stdout }) => stdout,
    () => '',
  )
  const { variables, flags } = uvSettingsOf(listing)
  return { variables: { ...always, ...variables, ...env }, flags }
}

/** As pip looks for versions; hashes say which file it may be, whichever index has it. */
const always: Variables = { UV_INDEX_STRATEGY: 'unsafe-best-match', UV_PYTHON_DOWNLOADS: 'never' }
