import { conflict, notFound } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { group, verb } from '../command.ts'
import { ago, sizeOf, table } from '../output.ts'

interface Environment {
  readonly digest: string
  readonly kind: string
  readonly lock: string
  readonly state: string
  readonly size?: number
  readonly lastUsedAt: number
  readonly isInUse: boolean
}

const root = '/api/v1/environments'
/** As much of a digest as tells environments of one machine apart. */
const shown = 12

const listVerb = verb(
  'list',
  'Environments on the server’s machine: from which lock file, how large, and when last used.',
  command => command,
  async ({ client, output }) => {
    const found = await all(client)
    output.result(found, () =>
      found.length === 0
        ? ['No environment has been built yet.']
        : table(
            ['environment', 'kind', 'lock file', 'state', 'size', 'last used'],
            found
              .toSorted((a, b) => b.lastUsedAt - a.lastUsedAt)
              .map(({ digest, kind, lock, state, size, lastUsedAt, isInUse }) => [
                digest.slice(0, shown),
                kind,
                lock,
                state,
                size === undefined ? '' : sizeOf(size),
                isInUse ? 'now' : ago(lastUsedAt, Date.now()),
              ]),
          ),
    )
  },
)

const logVerb = verb(
  'log <environment>',
  'All that the last build of an environment has said.',
  command => command,
  async ({ client, output }, _, [name = '']) => {
    const digest = await digestOf(client, name)
    let text = ''
    for (let next = 0, isMore = true; isMore;) {
      const part = await client.get<{ text: string; next: number }>(`${root}/${digest}/log?offset=${next}`)
      text += part.text
      next = part.next
      isMore = part.text !== ''
    }
    output.result({ digest, text }, () => text.trimEnd().split('\n'))
  },
)

const removeVerb = verb(
  'remove [environment]',
  'Remove an environment, or all that nothing has used for long. One that is in use stays.',
  command =>
    command.option('--unused <duration>', 'without a name: for how long, such as 7d; else as in environmentRetention'),
  async ({ client, output }, { unused }, [name]) => {
    const gone =
      name === undefined
        ? (await client.send<{ items: readonly Environment[] }>('POST', `${root}/sweep`, { unused })).items
        : [await client.send<Environment>('DELETE', `${root}/${await digestOf(client, name)}`)]
    const bytes = gone.reduce((sum, { size = 0 }) => sum + size, 0)
    output.result(gone, () => [
      ...gone.map(({ digest, lock }) => `${digest.slice(0, shown)} of ${lock} is removed.`),
      `${sizeOf(bytes)} are freed.`,
    ])
  },
)

export const environmentsVerb = group('environments', 'Packages that tasks run with, as they were built.', [
  listVerb,
  logVerb,
  removeVerb,
])

async function all(client: Client): Promise<readonly Environment[]> {
  const found: Environment[] = []
  for (let after = '', isMore = true; isMore;) {
    const page = await client.get<{ items: Environment[]; next?: string }>(
      `${root}?limit=500${after === '' ? '' : `&after=${after}`}`,
    )
    found.push(...page.items)
    after = page.next ?? ''
    isMore = page.next !== undefined
  }
  return found
}

/** The one whose digest begins like this. */
async function digestOf(client: Client, name: string): Promise<string> {
  if (/^[0-9a-f]{64}$/.test(name)) return name
  const found = (await all(client)).filter(({ digest }) => digest.startsWith(name))
  if (found.length === 0) throw notFound('environment', name)
  if (found.length > 1) throw conflict(`${found.length} environments begin with ${name}: say more of the name.`)
  return found[0]!.digest
}
