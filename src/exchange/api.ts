import type { Readable } from 'node:stream'

/** The platform's HTTP API, as an importer needs it. The CLI's client is one. */
export interface Api {
  readonly server: string
  get<Answer>(path: string): Promise<Answer>
  send<Answer>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer>
  upload<Answer>(path: string, body: Readable): Promise<Answer>
  postBytes(path: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void>
}
