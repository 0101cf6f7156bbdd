import { createNotifications, notificationDeliveries, platformChannels, type Notifications } from '#notifications'
import { createGuardedPost } from '#outbound'
import { peopleUrl } from './addresses.ts'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'

export const composeNotifications = (
  surroundings: Surroundings,
  parts: Pick<Composition, 'projects' | 'secrets' | 'workflow'>,
): Notifications => {
  const { config, db, clock, warn } = surroundings
  return createNotifications({
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
    pages: peopleUrl(surroundings),
    clock,
    random: Math.random,
    warn,
  })
}
