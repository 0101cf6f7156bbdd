import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const requirementsFolder = join(import.meta.dirname, 'requirements')
const cacheFolder = join(import.meta.dirname, '../../node_modules/.cache/trainyard-mlflow')
/** Where clients keep what they have compiled. */
export const bytecodeFolder = join(cacheFolder, 'bytecode')
const installMs = 600_000

/** The Python that all four clients support: 2.9 ends with 3.11, and 3.17 begins with 3.10. */
const pythons = ['python3.11', 'python3.10']

/** A folder whose `bin` has uv, made when it is not there yet. */
export const uvFolder = (): Promise<string> =>
  environment('uv', async (folder, file) => {
    await run(await systemPython(), ['-m', 'venv', folder], { timeout: installMs })
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '-r', file], { timeout: installMs })
  })

/** The interpreter of an environment with exactly what `requirements/<name>.txt` lists, made when it is not there yet. */
export async function pythonWith(name: string): Promise<string> {
  const uv = await uvFolder()
  const folder = await environment(name, async (target, file) => {
    const tool = join(uv, 'bin/uv')
    await run(tool, ['venv', '--quiet', '--relocatable', '--python', await systemPython(), target], {
      timeout: installMs,
    })
    const python = join(target, 'bin/python')
    await run(tool, ['pip', 'install', '--quiet', '--python', python, '-r', file], { timeout: installMs })
  })
  return join(folder, 'bin/python')
}

/** A folder that is whole when it exists: it is made under another name and renamed, once by each process. */
function environment(name: string, make: (folder: string, file: string) => Promise<void>): Promise<string> {
  const known = environments.get(name) ?? makeEnvironment(name, make)
  environments.set(name, known)
  return known
}

const environments = new Map<string, Promise<string>>()

async function makeEnvironment(name: string, make: (folder: string, file: string) => Promise<void>): Promise<string> {
  const file = join(requirementsFolder, `${name}.txt`)
  const digest = createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 16)
  const folder = join(cacheFolder, `${name}-${digest}`)
  if (await exists(folder)) return folder
  const unfinished = `${folder}.${process.pid}`
  await mkdir(cacheFolder, { recursive: true })
  await rm(unfinished, { recursive: true, force: true })
  await make(unfinished, file)
  await rename(unfinished, folder).catch(async (error: unknown) => {
    // Another test has made it meanwhile.
    if (!(await exists(folder))) throw error
    await rm(unfinished, { recursive: true })
  })
  return folder
}

async function systemPython(): Promise<string> {
  for (const name of pythons) {
    if (await run(name, ['--version']).catch(() => undefined)) return name
  }
  throw new Error(`MLflow's clients need one of ${pythons.join(', ')}.`)
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
