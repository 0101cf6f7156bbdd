import { createTransport } from 'nodemailer'
import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'

export interface Mail {
  /** Becomes the Message-ID: a mail that is sent twice has it twice. */
  readonly id: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
}

const timeoutMs = 30_000
const ports: Readonly<Record<string, number>> = { 'smtp:': 587, 'smtps:': 465 }

/**
 * Sends a mail through `smtp://user:password@host:port`, over TLS where the server has it. Throws `invalid` when the
 * server refuses it for good [RFC 5321: 5yz], and an error that may pass otherwise.
 */
export async function sendMail(
  server: string,
  { id, from, to, subject, text }: Mail,
  addressOf: (host: string) => Promise<string>,
): Promise<{ status: number; text: string }> {
  const url = URL.canParse(server) ? new URL(server) : undefined
  const port = url && ports[url.protocol]
  if (!url || port === undefined)
    throw invalid('The mail server cannot be used.', [
      { field: 'server', allowed: 'smtp://user:password@host:587 or smtps://…' },
    ])
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const transport = createTransport({
    host: await addressOf(host),
    port: url.port === '' ? port : Number(url.port),
    secure: url.protocol === 'smtps:',
    ...(url.username !== '' && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
      // A password goes over TLS, or not at all; to this machine it may go as it is.
      requireTLS: !['localhost', '127.0.0.1', '::1'].includes(host),
    }),
    tls: { servername: host },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    const messageId = `<${id}@trainyard>`
    const { response } = await transport.sendMail({ from, to: [...to], subject, text, messageId })
    return { status: 250, text: response }
  } catch (error) {
    const { responseCode = 0 } = error as { responseCode?: number }
    if (responseCode >= 500) throw new TrainyardError('invalid', `The mail server refuses: ${messageOf(error)}`)
    throw error
  } finally {
    transport.close()
  }
}
