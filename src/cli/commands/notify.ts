import type { Client } from '../client.ts'
import { group, verb } from '../command.ts'
import { ago, table } from '../output.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Channel {
  readonly name: string
  readonly type: string
  readonly target: string
  readonly from: string
  readonly on: readonly string[]
}

interface Message {
  readonly id: string
  readonly channel: string
  readonly title: string
  readonly state: string
  readonly attempts: number
  readonly status?: number
  readonly error?: string
  readonly createdAt: number
  readonly nextAt?: number
}

const pathOf = async (client: Client, project: string | undefined): Promise<string> =>
  `/api/v1/projects/${await chosenProject(client, project)}/notifications`

const channelsVerb = verb(
  'channels',
  'Who is told of what.',
  projectOption,
  async ({ client, output }, { project }) => {
    const { items } = await client.get<{ items: Channel[] }>(`${await pathOf(client, project)}/channels`)
    output.result(items, () =>
      table(
        ['channel', 'type', 'to', 'declared by', 'told of'],
        items.map(({ name, type, target, from, on }) => [name, type, target, from, on.join(' ')]),
      ),
    )
  },
)

const listVerb = verb(
  'list',
  'Messages and what became of them, newest first.',
  command =>
    projectOption(command)
      .option('--channel <name>', 'only those to this channel')
      .option('--state <state>', 'waiting, delivered or failed'),
  async ({ client, output }, { project, channel, state }) => {
    const query = new URLSearchParams({ ...(channel && { channel }), ...(state && { state }) }).toString()
    const { items } = await client.get<{ items: Message[] }>(`${await pathOf(client, project)}?${query}`)
    const now = Date.now()
    output.result(items, () =>
      table(
        ['message', 'when', 'channel', 'state', 'tries', 'what'],
        items.map(({ id, createdAt, channel: to, state: is, attempts, title, error }) => [
          id,
          ago(createdAt, now),
          to,
          is,
          String(attempts),
          error === undefined ? title : `${title} (${error})`,
        ]),
      ),
    )
  },
)

const testVerb = verb(
  'test <channel>',
  'Send an example to a channel, once and now.',
  projectOption,
  async ({ client, output }, { project }, [channel = '']) => {
    const path = `${await pathOf(client, project)}/channels/${encodeURIComponent(channel)}/test`
    const answer = await client.send<{ success: boolean; status?: number; answer?: string; error?: string }>(
      'POST',
      path,
    )
    output.result(answer, () => [
      answer.success
        ? `${channel} has taken it: ${answer.status}.`
        : `${channel} has not taken it: ${answer.error ?? `${answer.status} ${answer.answer}`}`,
    ])
  },
)

const resendVerb = verb(
  'resend <message>',
  'Send a message again.',
  projectOption,
  async ({ client, output }, { project }, [id = '']) => {
    const path = `${await pathOf(client, project)}/${encodeURIComponent(id)}/resend`
    const again = await client.send<Message>('POST', path)
    output.result(again, () => [`${again.title}: sent to ${again.channel} again, as ${again.id}.`])
  },
)

export const notifyVerb = group('notify', 'Who is told of what happens, and what became of it.', [
  channelsVerb,
  listVerb,
  testVerb,
  resendVerb,
])
