import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { messageOf, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import {
  createCourier,
  dueDelivery,
  forADay,
  type Courier,
  type Delivery,
  type DeliveryDraft,
  type DeliveryStore,
} from '#outbound'
import { noticeKinds, type ChannelSpec, type Projects } from '#project'
import type { Handler } from '#storage'
import type { z } from 'zod'
import { declaredChannels, targetOf, type Declared } from './channel.ts'
import { channelsFor, type Notice } from './notice.ts'
import { shownNotification, type Message, type Notification } from './notification.ts'
import { send, type SendParts } from './send.ts'
import { tellersOf, type TellerParts } from './tellers.ts'
import type { ChannelWire, TestAnswer } from './wire.ts'

/** Who is told of what happens, and what became of the telling. */
export interface Notifications {
  channels(project: string): Promise<readonly z.output<typeof ChannelWire>[]>
  list(filter: NotificationFilter, page: PageRequest): Promise<Page<Notification>>
  /** Sends again, as a message of its own. Throws `not_found`. */
  resend(project: string, id: string): Promise<Notification>
  /** Sends an example, once and now. Throws `not_found`. */
  test(project: string, channel: string): Promise<z.output<typeof TestAnswer>>
  /** What this does on events: it only writes down what has to be sent. */
  readonly handlers: readonly Handler[]
  readonly courier: Courier
}

export interface NotificationFilter {
  readonly project: string
  readonly channel?: string | undefined
  readonly state?: Notification['state'] | undefined
}

export interface NotificationsDeps extends SendParts, TellerParts {
  readonly deliveries: DeliveryStore<Message>
  readonly projects: Pick<Projects, 'find'>
  /** For projects that declare none. */
  readonly platform: Declared
  readonly clock: Clock
  readonly random: () => number
  warn(facts: object, message: string): void
}

export function createNotifications(deps: NotificationsDeps): Notifications {
  const { deliveries, clock } = deps
  const declared = async (project: string): Promise<Declared> =>
    declaredChannels(await deps.projects.find(project), deps.platform)

  async function channelOf({ project, channel }: { project: string; channel: string }) {
    const { channels, from } = await declared(project)
    const spec: ChannelSpec | undefined = Object.hasOwn(channels, channel) ? channels[channel] : undefined
    if (!spec) throw notFound('channel', `${project}/${channel}`)
    return { spec, from }
  }

  const courier = createCourier<Delivery<Message>>({
    queue: deliveries,
    retry: forADay(deps.random),
    clock,
    warn: deps.warn,
    async send(delivery) {
      const notification = shownNotification(delivery)
      return send(deps, await channelOf(notification), notification)
    },
  })

  async function enqueue(notice: Notice, event: number): Promise<void> {
    const names = channelsFor(notice, await declared(notice.project))
    const { project } = notice
    for (const channel of names)
      await deliveries.enqueue(due(clock, { project, receiver: channel, event, message: messageFrom(notice) }))
    crashPoint('notifications.written')
    if (names.length > 0) courier.wake()
  }

  return {
    courier,

    async channels(project) {
      const all = await declared(project)
      return Object.entries(all.channels).map(([name, spec]) => ({
        name,
        type: spec.type,
        target: targetOf(spec),
        from: all.from,
        on: heardBy(name, all),
      }))
    },

    async list({ project, channel, state }, page) {
      const found = await deliveries.list({ project, receiver: channel, state }, page)
      return { ...found, items: found.items.map(shownNotification) }
    },

    async resend(project, id) {
      const told = await deliveries.find(id)
      if (!told || told.project !== project) throw notFound('notification', id)
      const { receiver, message } = told
      const again = due(clock, { project, receiver, replayOf: id, message })
      await deliveries.enqueue(again)
      courier.wake()
      return shownNotification(again)
    },

    async test(project, channel) {
      const to = await channelOf({ project, channel })
      const message = { ...example, path: `/p/${project}` }
      const notification = shownNotification(due(clock, { project, receiver: channel, message }))
      try {
        const { status, text } = await send(deps, to, notification)
        return { success: status < 300, status, answer: text }
      } catch (error) {
        return { success: false, error: messageOf(error) }
      }
    },

    handlers: tellersOf(deps, async ({ seq, project, at }, told) => {
      if (told && project !== undefined && clock.now() - at < newsMs) await enqueue({ ...told, project }, seq)
    }),
  }
}

/** What is older is no news: a server that was away, or is new to an old installation, tells nobody of it. */
const newsMs = 24 * 60 * 60_000

const example = {
  kind: 'run.failed',
  title: 'a test message',
  why: 'Somebody has asked for it.',
  next: 'Nothing: this channel works.',
} as const

const messageFrom = ({ kind, title, why, next, path }: Notice): Message => ({
  kind,
  title,
  ...(why !== undefined && { why }),
  ...(next !== undefined && { next }),
  path,
})

const due = (clock: Clock, draft: Omit<DeliveryDraft<Message>, 'id'>): Delivery<Message> =>
  dueDelivery({ ...draft, id: newId('ntf') }, clock.now())

/** The kinds that reach a channel, of whichever pipeline or model. */
const heardBy = (name: string, { channels, rules }: Declared): string[] =>
  noticeKinds.filter(kind =>
    rules === undefined
      ? channelsFor({ kind }, { channels, rules }).includes(name)
      : rules.some(({ on, to }) => on.includes(kind) && to.includes(name)),
  )
