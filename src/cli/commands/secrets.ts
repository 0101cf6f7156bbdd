import type { Command } from 'commander'
import { counted } from '#kernel/counted.ts'
import { invalid } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { group, verb } from '../command.ts'
import { ago, table } from '../output.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Secret {
  readonly name: string
  readonly version: number
  readonly setAt: number
  readonly setBy: string
  readonly usedAt?: number
  readonly usedBy?: string
}

interface Where {
  readonly project?: string
  readonly platform?: boolean
}

const where = (command: Command): Command =>
  projectOption(command).option('--platform', 'a secret of the platform, which every project may name')

/** Address of the secrets that are meant, and the place in words. */
async function placeOf(client: Client, { project, platform }: Where): Promise<{ path: string; place: string }> {
  if (platform !== true) {
    const name = await chosenProject(client, project)
    return { path: `/api/v1/projects/${name}/secrets`, place: `project ${name}` }
  }
  if (project === undefined) return { path: '/api/v1/secrets', place: 'the platform' }
  throw invalid('Which one is meant?', [{ field: '--project', value: project, allowed: 'nothing, beside --platform' }])
}

const setVerb = verb(
  'set <name>',
  'Set a secret. Its value is typed, or comes from standard input; never from an argument.',
  where,
  async ({ client, output, readSecret }, options, [name = '']) => {
    const { path, place } = await placeOf(client, options)
    const value = await readSecret(`Value of ${name}:`)
    const secret = await client.send<Secret>('PUT', `${path}/${encodeURIComponent(name)}`, { value })
    output.result(secret, () => [`${name} of ${place} is set: version ${secret.version}.`])
  },
)

const listVerb = verb(
  'list',
  'Secrets by name: who has set them, and what has used them last. Never their values.',
  where,
  async ({ client, output }, options) => {
    const { path } = await placeOf(client, options)
    const secrets: Secret[] = []
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
      const page = await client.get<{ items: Secret[]; next?: string }>(`${path}?limit=500${query}`)
      secrets.push(...page.items)
      after = page.next
    }
    output.result(secrets, () =>
      table(
        ['secret', 'version', 'set', 'last used'],
        secrets.map(({ name, version, setAt, setBy, usedAt, usedBy }) => [
          name,
          String(version),
          `${ago(setAt, Date.now())} by ${setBy}`,
          usedAt === undefined ? 'never' : `${ago(usedAt, Date.now())} by ${usedBy}`,
        ]),
      ),
    )
  },
)

const removeVerb = verb(
  'remove <name>',
  'Remove a secret. What names it fails from then on.',
  where,
  async ({ client, output }, options, [name = '']) => {
    const { path, place } = await placeOf(client, options)
    await client.send('DELETE', `${path}/${encodeURIComponent(name)}`)
    output.result({ name }, () => [`${name} of ${place} is removed.`])
  },
)

interface Rotation {
  readonly masterKey: string
  readonly isNew: boolean
  readonly dataKeys: number
  readonly resealed: number
}

const rotateVerb = verb(
  'rotate',
  'Make new keys and seal everything anew: the master key too, when it is the platform’s own file.',
  command => command,
  async ({ client, output }) => {
    const rotation = await client.send<Rotation>('POST', '/api/v1/secrets:rotate')
    const { masterKey, isNew, dataKeys, resealed } = rotation
    output.result(rotation, () => [
      `Sealed anew: ${counted(resealed, 'value')}, with ${counted(dataKeys, 'new data key')} under the ${isNew ? 'new ' : ''}master key ${masterKey}.`,
    ])
  },
)

export const secretsVerb = group('secrets', 'Passwords and tokens that tasks, sources and channels name.', [
  setVerb,
  listVerb,
  removeVerb,
  rotateVerb,
])
