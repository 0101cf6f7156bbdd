import { randomUUID } from 'node:crypto'
import type pg from 'pg'

/** Tells the other processes on a database that there may be something to do. Only a hint: it may be lost, and they look anyway. */
export interface WakeUps {
  /** Costs nothing: of many within {@link pauseMs} the first is sent at once and one more at their end. */
  tell(): void
  /** Called when another process has told. */
  hear(listener: () => void): void
  /** Whether others would be heard now. */
  isHearing(): boolean
  stop(): Promise<void>
}

const channel = 'trainyard'
/** Notifications of PostgreSQL take a lock of the whole server: few, and in no transaction of others. */
const pauseMs = 50
const reconnectMs = 1_000

/** For PostgreSQL by a connection of its own, for SQLite, which has one process, none. */
export function openWakeUps(url: string): WakeUps {
  return url.startsWith('sqlite:') ? alone : postgresWakeUps(url)
}

/** There is nobody to be heard. */
const alone: WakeUps = { tell() {}, hear() {}, isHearing: () => true, stop: async () => {} }

function postgresWakeUps(url: string): WakeUps {
  const self = randomUUID()
  const listeners: (() => void)[] = []
  let client: pg.Client | undefined
  let isStopped = false
  let isUntold = false
  let pause: NodeJS.Timeout | undefined
  let again: NodeJS.Timeout | undefined

  async function connect(): Promise<void> {
    const { Client } = await import('pg')
    const next = new Client({ connectionString: url })
    // It also ends with an error when the server goes.
    next.on('error', () => {})
    next.on('end', () => {
      client = undefined
      if (!isStopped) again = setTimeout(() => void connect(), reconnectMs).unref()
    })
    next.on('notification', ({ payload }) => {
      if (payload !== self) for (const listener of listeners) listener()
    })
    try {
      await next.connect()
      await next.query(`listen ${channel}`)
      client = next
      if (isStopped) await next.end()
      // What was told while nobody heard it.
      for (const listener of listeners) listener()
    } catch {
      await next.end().catch(() => {})
    }
  }

  function send(): void {
    client?.query('select pg_notify($1, $2)', [channel, self]).catch(() => {})
    pause = setTimeout(() => {
      pause = undefined
      if (isUntold) {
        isUntold = false
        send()
      }
    }, pauseMs).unref()
  }

  void connect()
  return {
    tell() {
      if (pause) isUntold = true
      else send()
    },
    hear: listener => void listeners.push(listener),
    isHearing: () => client !== undefined,
    async stop() {
      isStopped = true
      clearTimeout(pause)
      clearTimeout(again)
      await client?.end().catch(() => {})
    },
  }
}
