import { isoInstant } from '#kernel/clock.ts'
import type { Notification } from './notification.ts'

/** What each kind of receiver is sent. */

const linkOf = ({ path }: Notification, pages: string): string => `${pages}${path}`

export const webhookBody = (notification: Notification, pages: string): string => {
  const { id, kind, project, title, why, next, createdAt } = notification
  const data = { id, project, title, why, next, url: linkOf(notification, pages) }
  return JSON.stringify({ type: kind, timestamp: isoInstant(createdAt), data })
}

/** Slack's markup has three characters of its own [Slack: formatting message text]. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export const slackBody = (notification: Notification, pages: string): string => {
  const { project, title, why, next } = notification
  const head = `*<${linkOf(notification, pages)}|${escaped(`${project}: ${title}`)}>*`
  return JSON.stringify({ text: [head, ...[why, next].filter(line => line !== undefined).map(escaped)].join('\n') })
}

export const mailOf = (notification: Notification, pages: string): { subject: string; text: string } => {
  const { project, title, why, next } = notification
  const lines = [`${title}.`, why, next, linkOf(notification, pages)].filter(line => line !== undefined)
  return { subject: `[${project}] ${title}`, text: `${lines.join('\n\n')}\n` }
}
