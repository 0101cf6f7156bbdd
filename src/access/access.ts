import type { Clock, Millis } from '#kernel/clock.ts'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Actor } from './actor.ts'
import { createGrants, type Grants } from './grants.ts'
import { createAttempts } from './attempts.ts'
import { fingerprintOf, isPassword } from './password.ts'
import { createRemembered } from './remembered.ts'
import type { Role } from './role.ts'
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
  /** Immediate: the next request with it is refused. Throws `not_found`. */
  revokeToken(id: string): Promise<void>
  /** The actor behind a token. Throws `unauthorized` when it is unknown or expired. */
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
  readonly expiresAt?: Millis | undefined
}

/** How long another process on the same database may not see that a token was revoked; this one sees it at once. */
const keepMs = 5_000
/** A password that was right is not derived again for so long, unless it was changed. */
const passwordKeepMs = 5 * 60_000
const kept = 10_000

interface Parts {
  readonly tokens: TokenStore
  readonly users: UserStore
  readonly clock: Clock
}

export function createAccess({ tokens, users, clock }: Parts): Access {
  const actors = createRemembered<Known>({ clock, keepMs, size: kept })
  const rightPasswords = createRemembered<string>({ clock, keepMs: passwordKeepMs, size: kept })
  const attempts = createAttempts(clock)

  async function lookUp(hash: string): Promise<Known> {
    const token = await tokens.find(hash)
    if (!token) return {}
    const account = token.user === undefined ? undefined : await users.account(token.user)
    return { actor: actorOf(token, account), expiresAt: token.expiresAt }
  }

  async function checkPassword(name: string, password: string, address: string): Promise<Known> {
    const account = await users.account(name)
    const mark = fingerprintOf(name, password)
    const guesser = JSON.stringify([name, address])
    const verify = async (): Promise<string> => {
      attempts.check(guesser)
      if (!(await isPassword(password, account?.password))) {
        attempts.failed(guesser)
        throw new TrainyardError('unauthorized', 'The user is unknown or the password is wrong.')
      }
      attempts.succeeded(guesser)
      return account!.password!
    }
    // What was right for another hash says nothing about this one: the password was changed.
    if ((await rightPasswords.get(mark, verify)) !== account?.password) {
      rightPasswords.clear(mark)
      await rightPasswords.get(mark, verify)
    }
    return { actor: { name, user: name, ...rolesOf(account!), byToken: false } }
  }

  const grants = createGrants({ store: users, clock })
  const changed = (): void => {
    actors.clear()
    grants.forget()
  }

  return {
    users: createUsers({ store: users, clock, changed }),
    grants,

    async createToken(given) {
      const token = newToken(given, clock.now())
      if (token.user !== undefined && !(await users.account(token.user))) throw notFound('user', token.user)
      const secret = newSecret()
      await tokens.insert(token, hashOf(secret))
      return { token, secret }
    },

    tokens: user => tokens.list(user),

    async token(id) {
      const token = await tokens.get(id)
      if (!token) throw notFound('token', id)
      return token
    },

    async revokeToken(id) {
      const removed = await tokens.remove(id)
      actors.clear()
      if (!removed) throw notFound('token', id)
    },

    async authenticate(secret) {
      const hash = hashOf(secret)
      const { actor, expiresAt } = await actors.get(hash, () => lookUp(hash))
      if (!actor || (expiresAt !== undefined && expiresAt <= clock.now()))
        throw new TrainyardError('unauthorized', 'The token is unknown or has expired.')
      return actor
    },

    async signIn(name, password, address) {
      const { actor } = await actors.get(fingerprintOf(name, password), () => checkPassword(name, password, address))
      return actor!
    },
  }
}

/** What is remembered of a secret; no actor for one that is unknown. */
interface Known {
  readonly actor?: Actor | undefined
  readonly expiresAt?: Millis | undefined
}

function newToken({ name, role, user, projects, expiresAt }: NewToken, createdAt: Millis): Token {
  if (role === undefined && user === undefined)
    throw invalid('The token is of nobody.', [{ field: 'role', allowed: 'a role, or a user whose roles it has' }])
  return {
    id: newId<'token'>('tok'),
    name,
    role: role ?? 'admin',
    ...(user !== undefined && { user }),
    ...(projects && { projects: [...new Set(projects)] }),
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
  if (user === undefined) return { name, role, roles: new Map(), ...narrowed }
  return account && { name: user, user, ...rolesOf(account), cap: role, ...narrowed }
}
