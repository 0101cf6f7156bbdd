import type { Clock } from '#kernel/clock.ts'
import { alreadyExists, notFound } from '#kernel/error.ts'
import { grantKey, type GrantMap } from './actor.ts'
import type { Level } from './permission.ts'
import { createRemembered } from './remembered.ts'
import type { Thing, UserStore } from './store.ts'
import type { Grant } from './user.ts'

/** What users may do to single things, apart from their roles. Every change is seen by the next request. */
export interface Grants {
  /** Throws `not_found` for an unknown user, `already_exists`. */
  create(grant: Grant): Promise<void>
  /** Creates or replaces. Throws `not_found` for an unknown user. */
  put(grant: Grant): Promise<void>
  /** Throws `not_found` when there is no such grant. */
  change(user: string, thing: Thing, level: Level): Promise<void>
  get(user: string, thing: Thing): Promise<Grant>
  remove(user: string, thing: Thing): Promise<void>
  /** All of a user. */
  of(user: string): Promise<readonly Grant[]>
  /** The same, to decide by. */
  levels(user: string): Promise<GrantMap>
  /** What was granted on a thing follows it to its new name; without one it is gone. */
  move(thing: Thing, to?: string): Promise<void>
  /** Reads everything again: users have changed. */
  forget(): void
}

type Known = Map<string, Pick<Grant, 'level' | 'project'>>

/** For other processes on the same database. */
const keepMs = 5_000
const usersKept = 1_000

export function createGrants({ store, clock }: { store: UserStore; clock: Clock }): Grants {
  const known = createRemembered<Known>({ clock, keepMs, size: usersKept })
  const missing = (user: string, { kind, id }: Thing): Error => notFound('permission', `of ${user} on ${kind} ${id}`)

  async function requireUser(user: string): Promise<void> {
    if (!(await store.account(user))) throw notFound('user', user)
  }
  /** Who makes thousands of things must not make the server read thousands of grants each time. */
  const remember = (grant: Grant): void => known.amend(grant.user, map => map.set(grantKey(grant), grant))
  const levels = (user: string): Promise<Known> =>
    known.get(user, async () => new Map((await store.grants(user)).map(grant => [grantKey(grant), grant])))

  return {
    async create(grant) {
      await requireUser(grant.user)
      if (!(await store.insertGrant(grant)))
        throw alreadyExists('Permission', `of ${grant.user} on ${grant.kind} ${grant.id}`)
      remember(grant)
    },

    async put(grant) {
      await requireUser(grant.user)
      await store.putGrant(grant)
      remember(grant)
    },

    async change(user, thing, level) {
      const grant = await store.grant(user, thing)
      if (!grant) throw missing(user, thing)
      await store.putGrant({ ...grant, level })
      remember({ ...grant, level })
    },

    async get(user, thing) {
      const grant = await store.grant(user, thing)
      if (!grant) throw missing(user, thing)
      return grant
    },

    async remove(user, thing) {
      const removed = await store.removeGrant(user, thing)
      known.clear(user)
      if (!removed) throw missing(user, thing)
    },

    of: user => store.grants(user),
    levels,

    async move(thing, to) {
      await store.moveGrants(thing, to)
      known.clear()
    },

    forget: () => known.clear(),
  }
}
