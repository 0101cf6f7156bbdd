import { z } from 'zod'
import { Name } from '#kernel/wire.ts'
import { SecretReference } from './secret-reference.ts'

/** Who is told of what, as the project file declares it. */

export const noticeKinds = [
  'run.failed',
  'run.succeeded',
  'run.recovered',
  'run.late',
  'pipeline.stale',
  'approval.waiting',
  'gate.rejected',
  'deployment.promoted',
  'deployment.rolled_back',
  'drift.found',
  'incident.opened',
  'incident.closed',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

const webAddress = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/\S+$/, 'https://…')
const Address = z
  .union([webAddress, SecretReference])
  .meta({ description: 'An address, or `secret` and its name when the address itself is a key.' })
const MailServer = z
  .union([
    z
      .string()
      .max(2_000)
      .regex(/^smtps?:\/\/\S+$/, 'smtp://host:587 or smtps://host'),
    SecretReference,
  ])
  .meta({ description: 'smtp://user:password@host:587 or smtps://…; the setting `smtp` when left out.' })

const Channel = z.discriminatedUnion('type', [
  z
    .strictObject({ type: z.literal('webhook'), url: Address, signedWith: SecretReference.optional() })
    .meta({ description: 'JSON by POST, signed as Standard Webhooks are.' }),
  z
    .strictObject({ type: z.literal('slack'), url: Address })
    .meta({ description: 'An incoming webhook of Slack or of what speaks like it.' }),
  z.strictObject({
    type: z.literal('email'),
    to: z.array(z.email()).min(1).max(50),
    from: z.email().optional(),
    server: MailServer.optional(),
  }),
])
export type ChannelSpec = z.output<typeof Channel>

const Rule = z.strictObject({
  on: z.array(z.enum(noticeKinds)).min(1),
  pipelines: z.array(z.string().max(100)).min(1).optional().meta({ description: 'Only of these.' }),
  models: z.array(Name).min(1).optional().meta({ description: 'Only of these.' }),
  to: z.array(Name).min(1),
})

export const Notifications = z
  .strictObject({
    channels: z.record(Name, Channel),
    rules: z.array(Rule).optional().meta({
      description: 'Left out: every channel is told of everything but successful runs.',
    }),
  })
  .meta({ description: 'Who is told of what. Left out: the channels of the platform’s settings are told.' })
export type NotificationsSpec = z.output<typeof Notifications>
