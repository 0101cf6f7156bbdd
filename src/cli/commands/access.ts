import { invalid } from '#kernel/error.ts'
import { group, verb, type Context } from '../command.ts'
import { table } from '../output.ts'

interface Token {
  readonly id: string
  readonly name: string
  /** Absent: all that its user may. */
  readonly role?: string
  readonly user?: string
  readonly projects?: readonly string[]
  readonly deployments?: readonly string[]
}

const dayMs = 86_400_000

export const tokenVerb = verb(
  'token <name>',
  'Make a token for a person or a program. It is shown once.',
  command =>
    command
      .option('--role <role>', 'viewer, editor or admin; with --user the most that it may')
      .option('--user <name>', 'the user for whom it stands: it may what the user may')
      .option('--project <name...>', 'where it is good, and nowhere else')
      .option('--deployment <name...>', 'an API key: it asks these deployments, and does nothing else')
      .option('--days <n>', 'for how long; without it until it is revoked'),
  async ({ client, output }, { role, user, project, deployment, days }, [name]) => {
    const { token, secret } = await client.send<{ token: Token; secret: string }>('POST', '/api/v1/tokens', {
      name,
      user,
      role: role ?? (user === undefined ? 'editor' : undefined),
      projects: project,
      deployments: deployment,
      ...(days !== undefined && { expiresAt: Date.now() + wholeDays(days) * dayMs }),
    })
    output.result({ token, secret }, () => [
      secret,
      token.deployments
        ? `It asks ${token.deployments.join(', ')} as ${token.user ?? name}: send it as \`Authorization: Bearer <token>\`.`
        : `It acts as ${token.user ?? name} (${token.role ?? 'with all that they may'}). Set TRAINYARD_TOKEN to it, or use it as git password.`,
    ])
  },
)

function wholeDays(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw invalid('This is no time.', [{ field: '--days', value: text, allowed: 'a whole number from 1 to 9999' }])
}

interface User {
  readonly name: string
  readonly role?: string
  readonly hasPassword: boolean
}

/** A password is no argument: those are seen by everyone on the machine. */
const passwordVariable = 'TRAINYARD_NEW_PASSWORD'
const passwordOf = ({ env }: Context): { password?: string } => {
  const password = env[passwordVariable]
  return password === undefined || password === '' ? {} : { password }
}

const path = (user: string): string => `/api/v1/users/${encodeURIComponent(user)}`

const addVerb = verb(
  'add <name>',
  `Make a user. The password is in ${passwordVariable}; without one only tokens sign in.`,
  command => command.option('--role <role>', 'viewer, editor or admin of every project; admin manages users too'),
  async (context, { role }, [name]) => {
    const user = await context.client.send<User>('POST', '/api/v1/users', { name, role, ...passwordOf(context) })
    context.output.result(user, () => [`${user.name} is a user${user.hasPassword ? '' : ' without a password'}.`])
  },
)

const listVerb = verb(
  'list',
  'Users, and their roles in every project.',
  command => command,
  async ({ client, output }) => {
    const users: User[] = []
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
      const page = await client.get<{ items: User[]; next?: string }>(`/api/v1/users?limit=500${query}`)
      users.push(...page.items)
      after = page.next
    }
    output.result(users, () =>
      table(
        ['user', 'role', 'password'],
        users.map(({ name, role, hasPassword }) => [name, role ?? 'by project', hasPassword ? 'yes' : 'no']),
      ),
    )
  },
)

const roleVerb = verb(
  'role <name> <role>',
  'Give a user a role: viewer, editor, admin or none.',
  command => command.option('--project <name>', 'in this project alone, and not in every one'),
  async ({ client, output }, { project }, [name = '', role]) => {
    const member = `/api/v1/projects/${project}/members/${encodeURIComponent(name)}`
    if (project === undefined) await client.send('PUT', path(name), { role: role === 'none' ? null : role })
    else if (role === 'none') await client.send('DELETE', member)
    else await client.send('PUT', member, { role })
    const where = project === undefined ? 'every project' : `project ${project}`
    output.result({ user: name, role, project }, () => [`${name} has the role ${role} in ${where}.`])
  },
)

const passwordVerb = verb(
  'password <name>',
  `Give a user the password in ${passwordVariable}, or none.`,
  command => command,
  async (context, _, [name = '']) => {
    const user = await context.client.send<User>('PUT', path(name), { password: null, ...passwordOf(context) })
    context.output.result(user, () => [`${name} has ${user.hasPassword ? 'a new' : 'no'} password.`])
  },
)

const removeVerb = verb(
  'remove <name>',
  'Remove a user with tokens, roles and grants. What the user did stays recorded.',
  command => command,
  async ({ client, output }, _, [name = '']) => {
    await client.send('DELETE', path(name))
    output.result({ user: name }, () => [`${name} is removed.`])
  },
)

export const userVerb = group('user', 'Users and their roles.', [addVerb, listVerb, roleVerb, passwordVerb, removeVerb])
