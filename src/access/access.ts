import type { Clock, Millis } from '#kernel/clock.ts'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Actor } from './actor.ts'
import { createGrants, type Grants } from './grants.ts'
import { fingerprintOf } from './password.ts'
import { createRemembered } from './remembered.ts'
import { askingRole, keyOf, type Key } from './key.ts'
import { allows, type Role } from './role.ts'
import { createSignIn } from './sign-in.ts'
import type { Account, TokenStore, UserStore } from './store.ts'
import { hashOf, newSecret, type Token } from './token.ts'
import { createUsers, type Users } from './users.ts'

/** Who there is, and what they may. On a loopback address there is one more: the person at the machine. */
export interface Access {
  readonly users: Users
  readonly grants: Grants
  /** Makes a token. The secret is in this answer and nowhere else. Throws `not_found` for an unknown user. */
  createToken(token: NewToken): Promise<{ token: Token; secret: string }>
  /** Newest first; of one user when named. */
  tokens(user?: string): Promise<readonly Token[]>
  /** Throws `not_found`. */
  token(id: string): Promise<Token>
  /** What the tokens are good for that have not expired, for servers that answer without this one. */
  keys(): Promise<readonly Key[]>
  /** Calls when a token, a user or a role has changed: by this process, not by others on the same database. */
  onChange(listener: () => void): void
  /** Immediate: the next request with it is refused. Throws `not_found`. */
  revokeToken(id: string): Promise<void>
  /** The actor behind a token. Throws `unauthorized` when it is unknown or expired, `forbidden` when it is a key. */
  authenticate(secret: string): Promise<Actor>
  /** The actor behind a user's name and password. Throws `unauthorized`, or `rate_limited` after too many guesses. */
  signIn(name: string, password: string, address: string): Promise<Actor>
}

export interface NewToken {
  readonly name: string
  /** Required without a user; with one the most that the token may. */
  readonly role?: Role | undefined
  readonly user?: string | undefined
  readonly projects?: readonly string[] | undefined
  /** Makes it a key that asks these deployments and does nothing else; `role` is `editor` then when it is not said. */
  readonly deployments?: readonly string[] | undefined
  readonly expiresAt?: Millis | undefined
}

/** How long another process on the same database may not see that a token was revoked; this one sees it at once. */
const keepMs = 5_000
const kept = 10_000

interface Parts {
  readonly tokens: TokenStore
  readonly users: UserStore
  readonly clock: Clock
}

export function createAccess({ tokens, users, clock }: Parts): Access {
  const actors = createRemembered<Known>({ clock, keepMs, size: kept })
  const accountOf = createSignIn({ users, clock, size: kept })

  async function lookUp(hash: string): Promise<Known> {
    const token = await tokens.find(hash)
    if (!token) return {}
    const account = token.user === undefined ? undefined : await users.account(token.user)
    return { actor: actorOf(token, account), expiresAt: token.expiresAt, isKey: token.deployments !== undefined }
  }

  const grants = createGrants({ store: users, clock })
  const listeners: (() => void)[] = []
  const changed = (): void => {
    actors.clear()
    grants.forget()
    for (const listener of listeners) listener()
  }

  return {
    users: createUsers({ store: users, clock, changed }),
    grants,

    async createToken(given) {
      const token = newToken(given, clock.now())
      if (token.user !== undefined && !(await users.account(token.user))) throw notFound('user', token.user)
      const secret = newSecret()
      await tokens.insert(token, hashOf(secret))
      changed()
      return { token, secret }
    },

    tokens: user => tokens.list(user),

    async keys() {
      const accounts = new Map((await users.holders()).map(account => [account.user.name, account]))
      return (await tokens.valid(clock.now())).flatMap(({ hash, token }) => {
        const actor = actorOf(token, token.user === undefined ? undefined : accounts.get(token.user))
        return actor ? [keyOf(actor, { hash, token })] : []
      })
    },

    onChange: listener => void listeners.push(listener),

    async token(id) {
      const token = await tokens.get(id)
      if (!token) throw notFound('token', id)
      return token
    },

    async revokeToken(id) {
      const removed = await tokens.remove(id)
      changed()
      if (!removed) throw notFound('token', id)
    },

    async authenticate(secret) {
      const hash = hashOf(secret)
      const { actor, expiresAt, isKey } = await actors.get(hash, () => lookUp(hash))
      if (!actor || (expiresAt !== undefined && expiresAt <= clock.now()))
        throw new TrainyardError('unauthorized', 'The token is unknown or has expired.')
      if (isKey) throw new TrainyardError('forbidden', 'This token asks deployments, and does nothing else.')
      return actor
    },

    async signIn(name, password, address) {
      const { actor } = await actors.get(fingerprintOf(name, password), async () => {
        const account = await accountOf(name, password, address)
        return { actor: { name, user: name, ...rolesOf(account), byToken: false } }
      })
      return actor!
    },
  }
}

/** What is remembered of a secret; no actor for one that is unknown. */
interface Known {
  readonly actor?: Actor | undefined
  readonly expiresAt?: Millis | undefined
  readonly isKey?: boolean
}

function newToken({ name, user, projects, deployments, expiresAt, ...given }: NewToken, createdAt: Millis): Token {
  const role = given.role ?? (deployments && 'editor')
  if (role === undefined && user === undefined)
    throw invalid('The token is of nobody.', [{ field: 'role', allowed: 'a role, or a user whose roles it has' }])
  if (deployments && !allows(role, askingRole))
    throw invalid('This token could ask nothing.', [
      { field: 'role', value: role, allowed: `${askingRole} or admin for a token of deployments` },
    ])
  return {
    id: newId<'token'>('tok'),
    name,
    // Nobody is more than an administrator: such a cap takes nothing away.
    ...(role !== undefined && !(user !== undefined && role === 'admin') && { role }),
    ...(user !== undefined && { user }),
    ...(projects && { projects: [...new Set(projects)] }),
    ...(deployments && { deployments: [...new Set(deployments)] }),
    createdAt,
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

const rolesOf = ({ user: { role }, roles }: Account): Pick<Actor, 'role' | 'roles'> => ({
  ...(role && { role }),
  roles,
})

function actorOf({ name, role, user, projects }: Token, account: Account | undefined): Actor | undefined {
  const narrowed = { byToken: true, ...(projects && { projects: new Set(projects) }) }
  if (user === undefined) return { name, ...(role && { role }), roles: new Map(), ...narrowed }
  return account && { name: user, user, ...rolesOf(account), ...(role && { cap: role }), ...narrowed }
}
