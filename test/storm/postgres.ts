import { execFile } from 'node:child_process'
import { access, chown, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { kill } from './field.ts'

const run = promisify(execFile)

/** A PostgreSQL server of a test's own, to be treated badly. */
export interface Cluster {
  readonly url: string
  /** An empty database. */
  database(name: string): Promise<string>
  /** Ends it as a crash would, and starts it again. */
  restart(): Promise<void>
  /** Its processes stand still for so long. */
  pause(ms: number): Promise<void>
  /** Ends all connections. */
  cut(): Promise<void>
  ask(text: string): Promise<void>
}

/** Its files are below `parent`. Undefined where PostgreSQL is not installed. */
export async function openCluster(t: TestContext, parent = tmpdir()): Promise<Cluster | undefined> {
  const bin = await binaries()
  if (!bin) return undefined
  const folder = await mkdtemp(join(parent, 'trainyard-postgres-'))
  const as = await unprivileged()
  if (as.uid !== undefined) await chown(folder, as.uid, as.gid ?? as.uid)
  const data = join(folder, 'data')
  const port = await freePort()
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200`
  const control = (...args: readonly string[]) => run(join(bin, 'pg_ctl'), ['-D', data, '-w', ...args], as)
  const start = () => control('start', '-o', options, '-l', join(folder, 'log'))
  await run(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8'], as)
  await start()
  t.after(async () => {
    await control('stop', '-m', 'immediate').catch(() => {})
    await rm(folder, { recursive: true, force: true })
  })
  const url = `postgres://postgres@127.0.0.1:${port}`
  const ask = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: `${url}/postgres` })
    client.on('error', () => {})
    await client.connect()
    await client.query(text).finally(() => client.end().catch(() => {}))
  }
  return {
    url,
    async database(name) {
      await ask(`create database ${name}`)
      return `${url}/${name}`
    },
    ask,
    async restart() {
      await control('stop', '-m', 'immediate')
      await start()
    },
    async pause(ms) {
      const [main] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
      const pids = [Number(main), ...(await childrenOf(Number(main)))]
      for (const pid of pids) kill(pid, 'SIGSTOP')
      await new Promise(resolve => setTimeout(resolve, ms))
      for (const pid of pids) kill(pid, 'SIGCONT')
    },
    cut: () =>
      ask(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
      ).catch(() => {}),
  }
}

/** Where initdb and pg_ctl are: on the PATH, or where Debian puts them. */
async function binaries(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const folders = ['/usr/local/bin', '/usr/bin', ...versions.map(version => `/usr/lib/postgresql/${version}/bin`)]
  for (const folder of folders)
    if (
      await access(join(folder, 'initdb')).then(
        () => true,
        () => false,
      )
    )
      return folder
  return undefined
}

/** PostgreSQL does not run as root. */
async function unprivileged(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const id = async (option: string): Promise<number> => Number((await run('id', [option, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const stats = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return pids.filter(
    (_, index) => stats[index]!.slice(stats[index]!.lastIndexOf(')') + 2).split(' ')[1] === String(parent),
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
