import type { Millis } from '#kernel/clock.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { ThingKind } from './permission.ts'
import type { Role } from './role.ts'
import type { Token } from './token.ts'
import type { Grant, Membership, User } from './user.ts'

/** Where tokens are kept. */
export interface TokenStore {
  /** The user must exist. */
  insert(token: Token, hash: string): Promise<void>
  /** The token with this hash, expired or not; undefined when there is none. */
  find(hash: string): Promise<Token | undefined>
  get(id: string): Promise<Token | undefined>
  /** Newest first; there are as many as people and programs. Of one user when named. */
  list(user?: string): Promise<readonly Token[]>
  /** Those that have not expired, with their hashes. */
  valid(now: Millis): Promise<readonly { readonly hash: string; readonly token: Token }[]>
  /** False when there is no such token. */
  remove(id: string): Promise<boolean>
}

/** What signing in needs to know of a user. */
export interface Account {
  readonly user: User
  readonly password?: string
  readonly roles: ReadonlyMap<string, Role>
}

/** Where users, their roles and grants are kept. What belongs to a user goes with the user. */
export interface UserStore {
  /** Numbers are given in order from one. Undefined when the name is taken. */
  insert(user: { name: string; password?: string; role?: Role; createdAt: Millis }): Promise<User | undefined>
  account(name: string): Promise<Account | undefined>
  /** Of all who have a token, in no order. */
  holders(): Promise<readonly Account[]>
  /** By name. */
  list(page: PageRequest): Promise<Page<User>>
  /** Writes the fields that are given; null removes. False when there is no such user. */
  update(name: string, change: { password?: string | null; role?: Role | null }): Promise<boolean>
  /** With tokens, roles and grants. False when there is no such user. */
  remove(name: string): Promise<boolean>

  /** The user must exist; replaces the role that was there. */
  putMember(membership: Membership): Promise<void>
  /** With the grants in the project. False when there is neither. */
  removeMember(user: string, project: string): Promise<boolean>
  /** By user. */
  members(project: string, page: PageRequest): Promise<Page<Membership>>

  /** The user must exist. False when there is a grant on the thing already. */
  insertGrant(grant: Grant): Promise<boolean>
  /** The same, replacing. */
  putGrant(grant: Grant): Promise<void>
  grant(user: string, thing: Thing): Promise<Grant | undefined>
  /** False when there is none. */
  removeGrant(user: string, thing: Thing): Promise<boolean>
  grants(user: string): Promise<readonly Grant[]>
  /** What was granted on a thing follows it to its new name; without one it is gone. */
  moveGrants(thing: Thing, to?: string): Promise<void>
}

export interface Thing {
  readonly kind: ThingKind
  readonly id: string
}
