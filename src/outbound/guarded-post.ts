import { lookup } from 'node:dns/promises'
import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { isIP } from 'node:net'
import { TrainyardError } from '#kernel/error.ts'
import { isPublicAddress } from './public-address.ts'

/**
 * Where this server may be made to send something: https to public addresses, unless a setting opens the rest. Names are
 * resolved once, all their addresses are looked at, and the connection goes to one of those. Redirects are not followed.
 */
export interface GuardedPost {
  /** Throws `invalid` for a url that is never posted to, as far as can be seen now. */
  check(url: string): Promise<void>
  /** An address of the host that may be connected to. Throws `invalid` when there is none, or another one is closed. */
  addressOf(host: string): Promise<string>
  /** Throws `invalid` as `check` does, or the error of the connection. */
  post(url: string, message: Message): Promise<Answer>
}

export interface Message {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status: number
  /** The first 4 KiB. */
  readonly text: string
  readonly retryAfter?: string | undefined
}

export interface GuardedPostParts {
  /** `public`: https, and public addresses alone. `any`: http and private addresses too. */
  readonly targets: 'public' | 'any'
  readonly timeoutMs?: number
  resolve?(host: string): Promise<readonly string[]>
}

const answerBytesMax = 4_096
const urlMax = 2_048

export function createGuardedPost({
  targets,
  timeoutMs = 30_000,
  resolve = resolveAll,
}: GuardedPostParts): GuardedPost {
  async function target(text: string): Promise<{ url: URL; address: string }> {
    const url = text.length <= urlMax && URL.canParse(text) ? new URL(text) : undefined
    const schemes = targets === 'any' ? ['https:', 'http:'] : ['https:']
    if (!url) throw refused(text, 'an absolute https URL')
    if (!schemes.includes(url.protocol))
      throw refused(
        text,
        `Invalid webhook URL scheme: the scheme ${schemes.map(name => name.slice(0, -1)).join(' or ')}`,
      )
    if (url.username !== '' || url.password !== '') throw refused(text, 'a URL without a user')
    return { url, address: await addressOf(url.hostname.replace(/^\[(.*)\]$/, '$1'), text) }
  }

  async function addressOf(host: string, text: string): Promise<string> {
    const addresses = isIP(host) ? [host] : await resolve(host).catch(() => [])
    if (addresses.length === 0) throw refused(text, `a host that resolves, which ${host} does not`)
    if (targets === 'public' && !addresses.every(isPublicAddress))
      throw refused(text, 'a host whose every address is public; the setting webhookTargets opens the others')
    return addresses[0]!
  }

  return {
    async check(url) {
      await target(url)
    },
    addressOf: host => addressOf(host, host),
    async post(text, message) {
      const { url, address } = await target(text)
      return send(url, address, message, timeoutMs)
    },
  }
}

const resolveAll = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

const refused = (url: string, allowed: string): TrainyardError =>
  new TrainyardError('invalid', `The URL ${JSON.stringify(url.slice(0, urlMax))} is not posted to: ${allowed}.`, {
    problems: [{ field: 'url', value: url.slice(0, urlMax), allowed }],
  })

/** One request to one address. The certificate is that of the name in the url. */
function send(url: URL, address: string, { headers, body }: Message, timeoutMs: number): Promise<Answer> {
  const request = url.protocol === 'https:' ? secure : plain
  const family = isIP(address)
  return new Promise((done, fail) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent: false,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(timeoutMs),
        lookup: (_, options, callback) =>
          options.all === true
            ? callback(null, [{ address, family }])
            : (callback as (error: null, address: string, family: number) => void)(null, address, family),
      },
      response => {
        const chunks: Buffer[] = []
        let size = 0
        const end = (): void =>
          done({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).subarray(0, answerBytesMax).toString(),
            retryAfter: response.headers['retry-after'],
          })
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size < answerBytesMax) return
          end()
          response.destroy()
        })
        response.on('end', end)
        response.on('error', fail)
      },
    )
    sent.on('error', fail)
    sent.end(body)
  })
}
