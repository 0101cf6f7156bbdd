import type { Clock } from '#kernel/clock.ts'
import { alreadyExists, invalid, notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { hashPassword, isPassword } from './password.ts'
import type { Role } from './role.ts'
import type { Account, UserStore } from './store.ts'
import { checkPassword, checkUserName, type Membership, type User } from './user.ts'

/** Users and their roles. Every change is seen by the next request. */
export interface Users {
  /** Without a password a user signs in by token alone. Throws `invalid`, `already_exists`. */
  create(user: { name: string; password?: string | undefined; role?: Role | undefined }): Promise<User>
  /** Throws `not_found`. */
  get(name: string): Promise<Account>
  /** By name. */
  list(page: PageRequest): Promise<Page<User>>
  /** Null removes the password or the role in every project. Throws `invalid`, `not_found`. */
  update(name: string, change: UserChange): Promise<void>
  /** Whether this is the user's password. */
  knows(name: string, password: string): Promise<boolean>
  /** With their tokens, roles and grants. Throws `not_found`. */
  remove(name: string): Promise<void>
  /** Gives the user a role in a project in place of the one they had. Throws `not_found`. */
  putMember(membership: Membership): Promise<void>
  /** Throws `not_found`. */
  removeMember(user: string, project: string): Promise<void>
  /** Those with a role in this project alone, by name. */
  members(project: string, page: PageRequest): Promise<Page<Membership>>
}

export interface UserChange {
  readonly password?: string | null | undefined
  readonly role?: Role | null | undefined
}

interface Parts {
  readonly store: UserStore
  readonly clock: Clock
  readonly changed: () => void
}

export function createUsers({ store, clock, changed }: Parts): Users {
  async function get(name: string): Promise<Account> {
    const account = await store.account(name)
    if (!account) throw notFound('user', name)
    return account
  }

  return {
    async create({ name, password, role }) {
      checkUserName(name)
      if (password !== undefined) checkPassword(password)
      if (await store.account(name)) throw alreadyExists('User', name)
      const user = await store.insert({
        name,
        createdAt: clock.now(),
        ...(password !== undefined && { password: await hashPassword(password) }),
        ...(role && { role }),
      })
      if (!user) throw alreadyExists('User', name)
      return user
    },

    get,
    list: page => store.list(page),

    async update(name, { password, role }) {
      if (typeof password === 'string') checkPassword(password)
      await get(name)
      const hash = typeof password === 'string' ? await hashPassword(password) : password
      const found = await store.update(name, {
        ...(hash !== undefined && { password: hash }),
        ...(role !== undefined && { role }),
      })
      changed()
      if (!found) throw notFound('user', name)
    },

    knows: async (name, password) => isPassword(password, (await store.account(name))?.password),

    async remove(name) {
      const removed = await store.remove(name)
      changed()
      if (!removed) throw notFound('user', name)
    },

    async putMember(membership) {
      if (!projectPattern.test(membership.project))
        throw invalid('This is no project.', [
          { field: 'project', value: membership.project, allowed: 'lower-case letters, digits and dashes, 63 at most' },
        ])
      await get(membership.user)
      await store.putMember(membership)
      changed()
    },

    async removeMember(user, project) {
      const removed = await store.removeMember(user, project)
      changed()
      if (!removed) throw notFound('member', `${project}/${user}`)
    },

    members: (project, page) => store.members(project, page),
  }
}

const projectPattern = /^[a-z][a-z0-9-]{0,62}$/
