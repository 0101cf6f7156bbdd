import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { applyFolder } from '../src/cli/commands/project.ts'
import { refresh } from '../src/demo/chapters/data.ts'
import { platform } from '../src/demo/platform.ts'
import { createTeller, type Teller } from '../src/demo/teller.ts'
import { readWeather } from '../src/demo/weather.ts'
import { ServerFile, serverFile } from '../src/serving/routes-file.ts'
import { stopServer } from '../src/serving/server-process.ts'
import { patientClient, until, type World } from '../src/demo/world.ts'
import { keepServer, type Kept } from './server.ts'

/** A platform of a test's own in a temporary folder, which is started again whenever it dies. */
export interface Stage {
  readonly data: string
  readonly world: World
  readonly server: Kept
  readonly teller: Teller & { readonly told: ReadonlySet<number> }
}

/** Opens a stage. It is taken down after the test; when that has failed, the ends of its story and logs are shown. */
export async function openStage(t: TestContext, env?: () => Readonly<Record<string, string>>): Promise<Stage> {
  const story: string[] = []
  const data = await dataFolder(t, async () => {
    await server.stop()
    if (!t.passed) for (const line of story.slice(-20)) t.diagnostic(line)
  })
  const server = await keepServer({
    data,
    ports: { port: 0, servingPort: 0 },
    say: line => story.push(line),
    ...(env && { env }),
  })
  const teller = createTeller({ write: text => story.push(text.trimEnd()), terminal: false })
  const world = worldAt({ url: server.url, data, teller, signal: t.signal })
  return { data, world, server, teller }
}

/**
 * A temporary folder for a platform. After the test the platform is stopped by `stop`, then its model server, which
 * outlives it; when the test has failed, the ends of their logs are shown.
 */
export async function dataFolder(t: TestContext, stop: () => Promise<void>): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'trainyard-test-'))
  t.after(async () => {
    await stop()
    const server = await modelServer(data).catch(() => undefined)
    if (server) await stopServer(server)
    if (!t.passed) for (const line of await lastWords(data)) t.diagnostic(line)
    await rm(data, { recursive: true, force: true, maxRetries: 5 })
  })
  return data
}

interface Place {
  readonly url: string
  readonly data: string
  readonly signal: AbortSignal
  readonly teller?: Teller
}

const silent = createTeller({ write: () => {}, terminal: false })

/** The example's team before a platform that runs. */
export const worldAt = ({ url, data, signal, teller = silent }: Place): World => ({
  client: patientClient(url),
  teller,
  weather: readWeather(),
  checkout: join(data, 'checkout'),
  project: 'rain',
  signal,
})

/** Brings the example's model into production by the shortest way: no git, no experiments, one city. */
export async function goLive(world: World): Promise<void> {
  const trainyard = platform(world)
  const example = join(import.meta.dirname, '../examples/rain')
  await cp(example, world.checkout, { recursive: true, filter: path => basename(path) !== 'node_modules' })
  await applyFolder(world.client, world.checkout)
  await refresh(world, { evening: '2013-12-31', cities: ['Seattle'] })
  const { id } = await trainyard.start('training', { reason: 'The first.' })
  await trainyard.finished(id)
  const deploy = await until('the deployment', async () => (await trainyard.runs('deploy'))[0], world)
  await trainyard.finished(deploy.id)
}

/** The model server that a platform has named. */
export const modelServer = async (data: string): Promise<ServerFile> =>
  ServerFile.parse(JSON.parse(await readFile(serverFile(join(data, 'serving')), 'utf8')))

async function lastWords(data: string): Promise<readonly string[]> {
  const logs = [join(data, 'server.log'), join(data, 'serving/server.log'), join(data, 'serving/server.json')]
  const texts = await Promise.all(logs.map(path => readFile(path, 'utf8').catch(() => '')))
  return texts.flatMap(text => text.trimEnd().split('\n').slice(-15))
}

/** Faults that a server has logged: what it did not expect. */
export async function faultsOf(data: string): Promise<readonly string[]> {
  const log = await readFile(join(data, 'server.log'), 'utf8')
  return log.split('\n').filter(line => line.includes('unexpected fault'))
}

/** The names of all crash points in the code. */
export function crashPointsInCode(): readonly string[] {
  const src = join(import.meta.dirname, '../src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(path => /^(?!.*test).*\.ts$/.test(path))
  const names = files.flatMap(path => [...readFileSync(join(src, path), 'utf8').matchAll(/crashPoint\('([^']+)'\)/g)])
  return [...new Set(names.map(([, name]) => name!))].toSorted()
}
