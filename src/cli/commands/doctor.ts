import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { readConfig, type Config } from '#kernel/config.ts'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { openDatabase } from '#storage'
import { sql } from 'kysely'
import { verb } from '../command.ts'
import { readConfigFile } from '../config-file.ts'

interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly found: string
  /** What to do, when there is something to do. */
  readonly remedy?: string
}

const run = promisify(execFile)
const diskBytesMin = 2 * 1024 ** 3
const nodeMin = 26
const gitMin = [2, 38]

export const doctorVerb = verb(
  'doctor',
  'Look whether this machine has what the platform needs.',
  command => command,
  async ({ output, folder, env }) => {
    const config = readConfig(env, {}, readConfigFile(folder))
    const findings = await Promise.all([
      node(),
      git(),
      python(config),
      disk(config, folder),
      writable(config, folder),
      database(config),
      port(config),
      isolation(config, env['PATH']),
    ])
    output.result({ findings }, () =>
      findings.flatMap(({ check, state, found, remedy }) => [
        `${marks[state]} ${check}: ${found}`,
        ...(remedy ? [`    ${remedy}`] : []),
      ]),
    )
    const problems = findings.filter(finding => finding.state === 'problem').length
    if (problems > 0)
      throw new TrainyardError('unavailable', `${problems} of ${findings.length} checks found a problem.`)
  },
)

const marks = { ok: '✓', warning: '!', problem: '✗' } as const

async function node(): Promise<Finding> {
  const major = Number(process.versions.node.split('.')[0])
  return major >= nodeMin
    ? { check: 'node', state: 'ok', found: process.version }
    : {
        check: 'node',
        state: 'problem',
        found: process.version,
        remedy: `Node ${nodeMin} or later is needed: npm install node@${nodeMin}`,
      }
}

async function git(): Promise<Finding> {
  try {
    const { stdout } = await run('git', ['--version'])
    const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout)?.slice(1) ?? []).map(Number)
    const old = major < gitMin[0]! || (major === gitMin[0] && minor < gitMin[1]!)
    return {
      check: 'git',
      state: old ? 'problem' : 'ok',
      found: stdout.trim(),
      ...(old && { remedy: `git ${gitMin.join('.')} or later is needed.` }),
    }
  } catch {
    return {
      check: 'git',
      state: 'problem',
      found: 'not found',
      remedy: 'Install git: repositories and code checkouts need it.',
    }
  }
}

async function python({ python: command }: Config): Promise<Finding> {
  try {
    const { stdout } = await run(command, ['-c', 'import sys, venv, ensurepip; print(sys.version.split()[0])'])
    return { check: 'python', state: 'ok', found: stdout.trim() }
  } catch {
    return {
      check: 'python',
      state: 'warning',
      found: `${command} with venv was not found`,
      remedy: 'Only needed for tasks in Python; Debian: apt-get install python3-venv',
    }
  }
}

async function disk({ data }: Config, folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(existing(resolve(folder, data)))
  const free = bavail * bsize
  const found = `${(free / 1024 ** 3).toFixed(1)} GiB free`
  return free >= diskBytesMin
    ? { check: 'disk', state: 'ok', found }
    : {
        check: 'disk',
        state: 'warning',
        found,
        remedy: 'Artifacts and environments need a few gigabytes: move the data folder with --data.',
      }
}

async function writable({ data }: Config, folder: string): Promise<Finding> {
  const parent = existing(resolve(folder, data))
  try {
    const probe = await mkdtemp(join(parent, '.doctor-'))
    await writeFile(join(probe, 'x'), 'x', { flush: true })
    await rm(probe, { recursive: true })
    return { check: 'data folder', state: 'ok', found: `${parent} can be written` }
  } catch (error) {
    return {
      check: 'data folder',
      state: 'problem',
      found: messageOf(error),
      remedy: 'Choose a folder that this user may write, with --data.',
    }
  }
}

/** The folder, or the nearest one above it that exists. */
const existing = (path: string): string =>
  existsSync(path) ? path : path === dirname(path) ? tmpdir() : existing(dirname(path))

async function database({ database: url }: Config): Promise<Finding> {
  const db = openDatabase(url || 'sqlite::memory:')
  try {
    await sql`select 1`.execute(db)
    return {
      check: 'database',
      state: 'ok',
      found: url ? url.replace(/:[^:@/]*@/, ':…@') : 'SQLite in the data folder',
    }
  } catch (error) {
    return {
      check: 'database',
      state: 'problem',
      found: messageOf(error),
      remedy: 'See docs/config.md, setting database.',
    }
  } finally {
    await db.destroy()
  }
}

async function port({ host, port: number }: Config): Promise<Finding> {
  return new Promise(done => {
    const probe = createServer()
    probe.once('error', error =>
      done({
        check: 'port',
        state: 'warning',
        found: `${number}: ${messageOf(error)}`,
        remedy: 'A server may be running already; otherwise choose another with --port.',
      }),
    )
    probe.listen(number, host, () =>
      probe.close(() => done({ check: 'port', state: 'ok', found: `${number} is free` })),
    )
  })
}

async function isolation(config: Config, path: string | undefined): Promise<Finding> {
  const { createIsolation, isolationKind, isolationRemedy } = await import('#compute')
  const check = 'isolation'
  const kind = isolationKind(config)
  const why = await createIsolation({ kind, path, hidden: [], readable: [] }).obstacle()
  if (why === undefined)
    return { check, state: 'ok', found: kind === 'none' ? 'tasks run as the server’s user' : 'bubblewrap works' }
  return { check, state: kind === 'auto' ? 'warning' : 'problem', found: why, remedy: isolationRemedy }
}
