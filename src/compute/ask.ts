import { request as http, type IncomingMessage } from 'node:http'
import { request as https } from 'node:https'
import { text } from 'node:stream/consumers'
import { messageOf, TrainyardError } from '#kernel/error.ts'

/** A request to an engine's HTTP API. */
export interface Question {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** How long an answer may take; 10 s when left out. */
  readonly answerMs?: number
}

export interface Answer {
  readonly status: number
  readonly text: string
}

/**
 * Asks, and answers whatever status comes back. Throws `unavailable` when none does. Not by `fetch`, which marks its
 * requests with Sec-Fetch-Mode as a browser does: Ray refuses those.
 */
export async function ask(
  url: string,
  { method = 'GET', headers, body, answerMs = 10_000 }: Question = {},
): Promise<Answer> {
  const signal = AbortSignal.timeout(answerMs)
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const about = bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.startsWith('https:') ? https : http
      send(url, { method, headers: { ...headers, ...about }, signal }, resolve)
        .on('error', reject)
        .end(bytes)
    })
    return { status: response.statusCode ?? 0, text: await text(response) }
  } catch (error) {
    const reason = signal.aborted ? `nothing came within ${answerMs / 1_000} s` : messageOf(error)
    throw new TrainyardError('unavailable', `${new URL(url).origin} does not answer: ${reason}.`)
  }
}
