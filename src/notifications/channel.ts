import type { Config } from '#kernel/config.ts'
import type { ChannelSpec, NotificationsSpec, Revision } from '#project'

/** Where the channels come from that a project's notices go to. */
export interface Declared extends NotificationsSpec {
  readonly from: 'project' | 'platform'
}

export type ChannelSettings = Pick<Config, 'notifyWebhook' | 'notifySlack' | 'notifyEmail'>

/** Channels of the settings, for projects that declare none. */
export function platformChannels({ notifyWebhook, notifySlack, notifyEmail }: ChannelSettings): Declared {
  const channels: Record<string, ChannelSpec> = {
    ...(notifyWebhook !== '' && { 'platform-webhook': { type: 'webhook', url: notifyWebhook } as const }),
    ...(notifySlack !== '' && { 'platform-slack': { type: 'slack', url: notifySlack } as const }),
    ...(notifyEmail !== '' && { 'platform-email': { type: 'email', to: notifyEmail.split(/[\s,]+/) } as const }),
  }
  return { from: 'platform', channels }
}

export const declaredChannels = (revision: Revision | undefined, platform: Declared): Declared => {
  const declared = revision?.spec.notifications
  return declared ? { ...declared, from: 'project' } : platform
}

type Value = string | { readonly secret: string } | undefined

const fields = (spec: ChannelSpec): readonly Value[] =>
  spec.type === 'email' ? [spec.server] : spec.type === 'webhook' ? [spec.url, spec.signedWith] : [spec.url]

/** Names of the secrets that it needs. */
export const secretsOfChannel = (spec: ChannelSpec): readonly string[] =>
  fields(spec).flatMap(value => (typeof value === 'object' ? [value.secret] : []))

/** Where it leads, for people: an address shows its host alone, as the rest of it is often a key. */
export function targetOf(spec: ChannelSpec): string {
  if (spec.type === 'email') return spec.to.join(', ')
  return typeof spec.url === 'string' ? new URL(spec.url).host : `secret ${spec.url.secret}`
}
