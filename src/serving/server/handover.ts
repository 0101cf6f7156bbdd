import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server, Socket } from 'node:net'
import { ServerSettings, settingsFile } from '../server-settings.ts'

/**
 * One process gives another its listening sockets, once that has its models loaded: to take over from it without a
 * connection lost, or to answer beside it. Connections that wait in a socket's queue meet one of the two.
 */

/** The listening sockets of a model server, by what is spoken there. */
export interface Sockets {
  readonly http: Server
  readonly grpc?: Server | undefined
}

type Message = 'ready' | keyof Sockets | 'last' | 'serving'

/** In the old process: resolves when the successor serves, or rejects when it ends before; nothing has changed then. */
export async function handOver(folder: string, sockets: Sockets): Promise<void> {
  const { main } = ServerSettings.parse(JSON.parse(await readFile(settingsFile(folder), 'utf8')))
  const successor = fork(main, [folder], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await giveSockets(successor, sockets)
  successor.disconnect()
  successor.unref()
}

/** Resolves when the child serves, or rejects when it ends before. `beforehand` is done when it could, and before it does. */
export async function giveSockets(
  child: ChildProcess,
  sockets: Sockets,
  beforehand: () => unknown = () => {},
): Promise<void> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('The process that was to serve ended before it did.')
  })
  const said = async (expected: Message): Promise<void> => {
    for (let message: unknown; message !== expected;) [message] = (await once(child, 'message')) as [unknown]
  }
  await Promise.race([said('ready'), ended])
  await beforehand()
  for (const [spoken, socket] of Object.entries(sockets)) if (socket) child.send(spoken, socket as Server)
  child.send('last' satisfies Message)
  await Promise.race([said('serving'), ended])
  ended.catch(() => {})
}

/** A listening socket that another process has given. It takes connections at once, before anybody answers there. */
export interface Inherited {
  readonly socket: Server
  /** Gives those that have come so far to who answers from now on. */
  handOn(to: Server): void
}

function inherit(socket: Server): Inherited {
  const early: Socket[] = []
  const keep = (connection: Socket): void => void early.push(connection)
  socket.on('connection', keep)
  return {
    socket,
    handOn(to) {
      socket.off('connection', keep)
      for (const connection of early.splice(0)) to.emit('connection', connection)
    },
  }
}

/** In the new process: says that it is ready, and answers the sockets; undefined in a process that follows nobody. */
export async function inheritedSockets(): Promise<Partial<Record<keyof Sockets, Inherited>> | undefined> {
  if (!process.send) return undefined
  const sockets: Partial<Record<keyof Sockets, Inherited>> = {}
  const all = new Promise<void>(resolve => {
    process.on('message', function take(message: Message | 'socket', socket: unknown) {
      if (message === 'http' || message === 'grpc') sockets[message] = inherit(socket as Server)
      // A server from before gRPC gives its one socket and says no more.
      if (message === 'socket') sockets.http = inherit(socket as Server)
      if (message !== 'last' && message !== 'socket') return
      process.off('message', take)
      resolve()
    })
  })
  process.send('ready' satisfies Message)
  await all
  return sockets
}

/** In the new process: says that it serves. */
export function sayServing(): void {
  process.send?.('serving' satisfies Message)
}
