import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { TrainyardError } from '#kernel/error.ts'
import { buildRoom } from './build-room.ts'
import { buildStep, type Step } from './build-step.ts'
import type { BuildDeps } from './environment-build.ts'
import { hasUv, ownPython, uvVariables } from './python-build.ts'

interface LockOrder {
  /** What pip calls requirements: names, most of them with versions. */
  readonly requirements: string
  readonly signal: AbortSignal
  log(line: string): void
}

const lock = 'requirements.lock'

/**
 * Every package that requirements lead to, with its version and its hashes: what an environment is built from. Found by
 * uv where the builders' PATH has one, else by pip. Throws `task_failed` with the resolver's last lines.
 */
export async function lockRequirements(
  { python, ...deps }: Pick<BuildDeps, 'python' | 'env' | 'isolation'>,
  { requirements, signal, log }: LockOrder,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-lock-'))
  const failed = (why: string): TrainyardError =>
    new TrainyardError('task_failed', `The requirements of the model lead to no set of packages: ${why}`, {
      cause: { kind: 'environment' },
    })
  try {
    const room = await buildRoom(deps, folder)
    const step = buildStep({ ...room, folder, signal, log, failed })
    await writeFile(join(folder, 'requirements.txt'), requirements)
    return await resolve({ python, folder, env: room.env, step, failed })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Resolution {
  readonly python: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly step: Step
  failed(why: string): Error
}

async function resolve({ python, folder, env, step, failed }: Resolution): Promise<string> {
  await step([python, '-m', 'venv', 'venv'], env)
  if (await hasUv(env)) {
    const { variables, flags } = await uvVariables(folder, env)
    const compile = ['uv', 'pip', 'compile', '--generate-hashes', '--no-header', '--quiet', '--python', ownPython]
    await step([...compile, ...flags, '--output-file', lock, 'requirements.txt'], variables)
    return readFile(join(folder, lock), 'utf8')
  }
  const install = [ownPython, '-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--no-input', '--quiet']
  await step([...install, '--report', 'report.json', '-r', 'requirements.txt'], env)
  return lockOf(await readFile(join(folder, 'report.json'), 'utf8'), failed)
}

/** What pip would install [pip, installation report]. */
const Report = z.object({
  install: z.array(
    z.object({
      metadata: z.object({ name: z.string(), version: z.string() }),
      download_info: z.object({
        archive_info: z.object({ hashes: z.object({ sha256: z.string() }).partial().optional() }).optional(),
      }),
    }),
  ),
})

function lockOf(report: string, failed: Resolution['failed']): string {
  const lines = Report.parse(JSON.parse(report)).install.map(({ metadata: { name, version }, download_info }) => {
    const sha256 = download_info.archive_info?.hashes?.sha256
    if (sha256 === undefined) throw failed(`${name} is no archive with a hash. Allowed: packages of an index.`)
    return `${name}==${version} --hash=sha256:${sha256}`
  })
  return `${lines.toSorted().join('\n')}\n`
}
