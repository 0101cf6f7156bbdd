import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:net'
import { ServerSettings, settingsFile } from '../server-settings.ts'

/**
 * One process takes over from another without a connection lost: the old one starts the new one and, when that has its
 * models loaded, gives it the listening socket. Connections that wait in the socket's queue meet one of the two.
 */

type Message = 'ready' | 'socket' | 'serving'

/** In the old process: resolves when the successor serves, or rejects when it ends before; nothing has changed then. */
export async function handOver(folder: string, socket: Server): Promise<void> {
  const { main } = ServerSettings.parse(JSON.parse(await readFile(settingsFile(folder), 'utf8')))
  const successor = fork(main, [folder], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(successor, 'exit').then(() => {
    throw new Error('The successor ended before it served.')
  })
  const said = async (expected: Message): Promise<void> => {
    for (let message: unknown; message !== expected;) [message] = (await once(successor, 'message')) as [unknown]
  }
  await Promise.race([said('ready'), ended])
  successor.send('socket' satisfies Message, socket)
  await Promise.race([said('serving'), ended])
  ended.catch(() => {})
  successor.disconnect()
  successor.unref()
}

/** In the new process: says that it is ready, and answers the socket; undefined in a process that follows nobody. */
export async function inheritedSocket(): Promise<Server | undefined> {
  if (!process.send) return undefined
  process.send('ready' satisfies Message)
  const [, socket] = (await once(process, 'message')) as [Message, Server]
  return socket
}

/** In the new process: says that it serves. */
export function sayServing(): void {
  process.send?.('serving' satisfies Message)
}
