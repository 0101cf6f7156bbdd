import { unescape } from 'node:querystring'
import type { Clock } from '#kernel/clock.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { maskOf } from '#kernel/mask.ts'
import { signatureOf, signingKey, type GuardedPost } from '#outbound'
import type { ChannelSpec } from '#project'
import type { Secrets } from '#secrets'
import { secretsOfChannel, type Declared } from './channel.ts'
import { sendMail } from './mail.ts'
import { mailOf, slackBody, webhookBody } from './message.ts'
import type { Notification } from './notification.ts'

export interface SendParts {
  readonly secrets: Pick<Secrets, 'use'>
  /** To addresses that a project names; the settings' own may be any. */
  readonly outbound: Readonly<Record<Declared['from'], GuardedPost>>
  readonly smtp: string
  readonly mailFrom: string
  readonly clock: Clock
  /** Address under which people see the pages. */
  pages(): string
}

export interface Answered {
  readonly status: number
  readonly text: string
  readonly retryAfter?: string | undefined
}

/** Takes one notice to its channel, once. Neither its answer nor its error shows a secret. */
export async function send(
  parts: SendParts,
  { spec, from }: { spec: ChannelSpec; from: Declared['from'] },
  notification: Notification,
): Promise<Answered> {
  const { project, channel } = notification
  const values = await parts.secrets.use({ project, names: secretsOfChannel(spec), by: `channel ${channel}` })
  const mask = maskOf(Object.values(values).flatMap(partsOf))
  const valueOf = (value: string | { readonly secret: string }): string =>
    typeof value === 'string' ? value : values[value.secret]!.trim()
  const outbound = parts.outbound[from]
  try {
    const answer = await sendAs(spec)
    return { ...answer, text: mask(answer.text) }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof TrainyardError) throw new TrainyardError(error.code, mask(error.message))
    throw new Error(mask(error.message), { cause: error.name })
  }

  async function sendAs(one: ChannelSpec): Promise<Answered> {
    if (one.type === 'email') return mail(parts, { spec: one, valueOf, outbound, notification })
    const url = valueOf(one.url)
    const body =
      one.type === 'slack' ? slackBody(notification, parts.pages()) : webhookBody(notification, parts.pages())
    const key = one.type === 'webhook' && one.signedWith ? valueOf(one.signedWith) : undefined
    return outbound.post(url, { headers: headersOf(parts, { id: notification.id, body, key }), body })
  }
}

/** A receiver may repeat what of an address it has seen, and a driver its password. */
function partsOf(value: string): readonly string[] {
  const url = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined
  if (!url) return [value]
  const { pathname, search, password } = url
  return [value, ...[pathname + search, password, unescape(password)].filter(part => part.length >= partMin)]
}

/** Shorter parts could be any word. */
const partMin = 4

/** Headers of Standard Webhooks 1.0. */
function headersOf(
  { clock }: SendParts,
  { id, body, key }: { id: string; body: string; key: string | undefined },
): Record<string, string> {
  const seconds = String(Math.floor(clock.now() / 1_000))
  const signed = key === undefined ? {} : { 'webhook-signature': signatureOf({ id, seconds, body }, signingKey(key)) }
  return { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': seconds, ...signed }
}

async function mail(
  { smtp, mailFrom, pages }: SendParts,
  {
    spec,
    valueOf,
    outbound,
    notification,
  }: {
    spec: Extract<ChannelSpec, { type: 'email' }>
    valueOf(value: string | { readonly secret: string }): string
    outbound: GuardedPost
    notification: Notification
  },
): Promise<Answered> {
  const server = spec.server === undefined ? smtp : valueOf(spec.server)
  if (server === '')
    throw invalid('There is no mail server.', [
      { field: `notifications.channels.${notification.channel}.server`, allowed: 'a server here, or the setting smtp' },
    ])
  const { id } = notification
  // The server of the settings is the administrator's own choice.
  const addressOf = spec.server === undefined ? async (host: string) => host : outbound.addressOf
  return sendMail(server, { id, from: spec.from ?? mailFrom, to: spec.to, ...mailOf(notification, pages()) }, addressOf)
}
