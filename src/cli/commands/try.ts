import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createClient, type Client } from '../client.ts'
import { verb, type Context } from '../command.ts'
import { pushData } from './data.ts'
import { applyFolder } from './project.ts'
import { pairs, paramOption, startRun } from './run.ts'
import { configOf, withSettings } from './server.ts'

/** Of a platform that nobody is to meet: no fixed ports, and all ends with it. */
const passing = { port: '0', servingPort: '0', servingAtStop: 'end', tasksAtStop: 'end' }

export const tryVerb = verb(
  'try <pipeline> [folder]',
  'Run a pipeline of this folder without a server: on a platform of its own, which goes when the run has ended.',
  command =>
    paramOption(withSettings(command)).option(
      '--source <name=file>',
      'data of a source; may be repeated',
      pairs('--source'),
      {},
    ),
  async (context, options, [pipeline, where = '.']) => {
    const { startPlatform } = await import('../../main.ts')
    const { env } = context
    const data = (options['data'] as string | undefined) ?? (await mkdtemp(join(tmpdir(), 'trainyard-try-')))
    const platform = await startPlatform({ config: configOf(context, { ...passing, ...options, data }), env })
    try {
      const client = createClient({ server: platform.url })
      const folder = resolve(context.folder, where)
      const project = await prepared({ ...context, client }, folder, options['source'])
      await startRun({ ...context, client }, { project, pipeline: pipeline!, params: options['param'] })
    } finally {
      await platform.stop()
      if (options['data'] === undefined) await rm(data, { recursive: true, force: true, maxRetries: 5 })
    }
  },
)

/** Nothing but the run that was asked for is to start: the project is applied without what starts its pipelines. */
async function prepared(
  context: Pick<Context, 'folder'> & { client: Client },
  folder: string,
  sources: object,
): Promise<string> {
  const { revision } = await applyFolder(context.client, folder, withoutTriggers)
  for (const [source, file] of Object.entries(sources))
    await pushData(context, { project: revision.project, source, file: String(file) })
  return revision.project
}

function withoutTriggers(spec: unknown): unknown {
  const { pipelines } = spec as { pipelines?: Readonly<Record<string, object>> }
  if (!pipelines) return spec
  const silent = Object.entries(pipelines).map(([name, pipeline]) => [name, { ...pipeline, triggers: [] }])
  return { ...(spec as object), pipelines: Object.fromEntries(silent) }
}
