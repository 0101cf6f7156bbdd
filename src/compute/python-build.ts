import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { uvSettingsOf } from './pip-settings.ts'
import { isOfUv, type Recipe } from './recipe.ts'

type Variables = Readonly<Record<string, string>>

/** Runs one step of a build in the environment's folder. Throws when it fails. */
export type Step = (command: readonly string[], env: Variables) => Promise<void>

interface PythonBuild {
  readonly recipe: Recipe
  readonly python: string
  readonly folder: string
  readonly env: Variables
  readonly step: Step
  failed(why: string): Error
}

const own = join('venv', 'bin', 'python')
const lock = 'requirements.lock'
const answerMs = 30_000

/**
 * A virtual environment with exact versions, each with its hash: by uv where the builders' PATH has one, else by pip. What
 * stands in it is the same. A package that there is only the source of runs its own build.
 */
export async function buildPython({ recipe, python, folder, env, step, failed }: PythonBuild): Promise<void> {
  const hasUv = await promisify(execFile)('uv', ['--version'], { env, timeout: answerMs }).then(
    () => true,
    () => false,
  )
  if (!hasUv && isOfUv(recipe))
    throw failed('it is a lock file of uv, which is not on the PATH here. Allowed: uv, or requirements with hashes.')
  await step([python, '-m', 'venv', 'venv'], env)
  if (!hasUv) return step([own, '-m', 'pip', 'install', '--no-input', '--require-hashes', '-r', lock], env)

  const listing = await promisify(execFile)(join(folder, own), ['-m', 'pip', 'config', 'list'], {
    env,
    timeout: answerMs,
  }).then(
    ({ stdout }) => stdout,
    () => '',
  )
  const { variables, flags } = uvSettingsOf(listing)
  const told = { ...always, ...variables, ...env }
  if (isOfUv(recipe))
    await step(['uv', 'export', '--frozen', '--no-dev', '--no-emit-project', '--quiet', '--output-file', lock], told)
  const install = ['uv', 'pip', 'install', '--python', own, '--require-hashes', '--link-mode', 'copy']
  await step([...install, ...flags, '-r', lock], told)
}

/** As pip looks for versions; hashes say which file it may be, whichever index has it. */
const always: Variables = { UV_INDEX_STRATEGY: 'unsafe-best-match', UV_PYTHON_DOWNLOADS: 'never' }
