import { createNotifications, notificationDeliveries, platformChannels, type Notifications } from '#notifications'
import { createGuardedPost } from '#outbound'
import type { Composition, Surroundings } from './compose.ts'

export const composeNotifications = (
  { config, db, clock, baseUrl, warn }: Surroundings,
  parts: Pick<Composition, 'projects' | 'secrets' | 'workflow'>,
): Notifications =>
  createNotifications({
    ...parts,
    deliveries: notificationDeliveries(db),
    platform: platformChannels(config),
    outbound: {
      project: createGuardedPost({ targets: config.webhookTargets }),
      // Where the settings of the platform say.
      platform: createGuardedPost({ targets: 'any' }),
    },
    smtp: config.smtp,
    mailFrom: config.mailFrom,
    pages: () => (config.publicUrl || baseUrl()).replace(/\/$/, ''),
    clock,
    random: Math.random,
    warn,
  })
