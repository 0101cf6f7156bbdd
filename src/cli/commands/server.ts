import { spawn } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { join, resolve } from 'node:path'
import { once } from 'node:events'
import type { Command } from 'commander'
import { flagName, readConfig, settings, type Config } from '#kernel/config.ts'
import { messageOf } from '#kernel/error.ts'
import { createClient } from '../client.ts'
import { verb, type Context } from '../command.ts'
import { readConfigFile } from '../config-file.ts'
import { applyFolder, changeLines } from './project.ts'

/** One flag for each setting, from the table that the environment and docs/config.md come from. */
export function withSettings(command: Command): Command {
  for (const [name, { help }] of Object.entries(settings)) command.option(`${flagName(name)} <value>`, help)
  return command
}

export const configOf = (
  { env, folder }: Context,
  options: Record<string, unknown>,
  defaults: Readonly<Record<string, string>> = {},
): Config =>
  readConfig(env, Object.fromEntries(Object.keys(settings).map(name => [name, options[name]])), {
    ...defaults,
    ...readConfigFile(folder),
  })

export const startVerb = verb(
  'start',
  'Start the platform and run until interrupted.',
  withSettings,
  async (context, options) => {
    const { startPlatform } = await import('../../main.ts')
    const config = configOf(context, options)
    const platform = await startPlatform({ config, env: context.env })
    context.output.result({ url: platform.url, pid: process.pid }, () => [
      `Trainyard is at ${platform.url}`,
      ...(config.servingAtStop === 'leave' ? ['The model server outlives it (--serving-at-stop).'] : []),
    ])
    await interrupted(context.signal)
    await platform.stop()
  },
)

const settleMs = 200

export const devVerb = verb(
  'dev [folder]',
  'Start the platform, apply the project in this folder, and apply it again on every change.',
  command => withSettings(command).option('--no-open', 'do not open a browser'),
  async (context, options, [where = '.']) => {
    const { startPlatform } = await import('../../main.ts')
    const { output, signal } = context
    const folder = resolve(context.folder, where)
    // Who leaves the desk for the day leaves nothing running.
    const config = configOf(context, options, { servingAtStop: 'end' })
    const platform = await startPlatform({ config, env: context.env })
    const client = createClient({ server: platform.url })
    output.note(`Trainyard is at ${platform.url}. Ctrl-C ends it.`)
    if (options['open']) openBrowser(platform.url)

    const apply = async (): Promise<void> => {
      if (!['trainyard.ts', 'trainyard.yaml'].some(name => existsSync(join(folder, name))))
        return output.note(`${folder} has no project file yet. Make one with: trainyard init <folder>`)
      try {
        const { changes, revision } = await applyFolder(client, folder)
        if (changes.length > 0)
          output.note(
            [...changeLines(changes), `Project ${revision.project} is at revision ${revision.number}.`].join('\n'),
          )
      } catch (error) {
        output.note(messageOf(error))
      }
    }
    await apply()
    let settling: NodeJS.Timeout | undefined
    const watcher = watch(folder, { recursive: true, signal }, (_, name) => {
      if (name === null || /(^|\/)(\.git|\.trainyard|node_modules)(\/|$)/.test(name)) return
      clearTimeout(settling)
      settling = setTimeout(() => void apply(), settleMs)
    })
    watcher.on('error', () => {})
    await interrupted(signal)
    clearTimeout(settling)
    await platform.stop()
  },
)

const interrupted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort')
}

const openers: Readonly<Record<string, string>> = { darwin: 'open', win32: 'explorer', linux: 'xdg-open' }

function openBrowser(url: string): void {
  spawn(openers[process.platform] ?? 'xdg-open', [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}

export const openVerb = verb(
  'open [path]',
  'Open the pages in a browser.',
  command => command,
  async ({ client, output }, _, [path = '/']) => {
    const url = new URL(path, client.server).href
    output.result({ url }, () => [url])
    openBrowser(url)
  },
)
