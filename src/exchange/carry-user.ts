import type { Journey } from './carry-run.ts'
import type { CarriedGrant, CarriedUser } from './record.ts'

/** What things are called here: experiments by their id there, registered models with what is put before their names. */
export interface NamesHere {
  readonly experiments: ReadonlyMap<string, string>
  readonly prefix: string
}

/**
 * Brings a user over with what is permitted on experiments, models and scorers. Who is here already is the same person,
 * and becomes no administrator by it.
 */
export async function carryUser({ target, reporter }: Journey, user: CarriedUser, names: NamesHere): Promise<void> {
  const what = `user ${user.name}`
  const grants = user.grants.flatMap(grant => grantHere(grant, names, target.project) ?? [])
  reporter.count('users', 1, 0)
  reporter.count('permissions', grants.length, 0)
  const before = await target.user(user.name)
  if (!before) await target.makeUser(user.name, user.isAdministrator)
  const granted = new Set((before?.grants ?? []).map(keyOf))
  for (const grant of grants.filter(grant => !granted.has(keyOf(grant)))) await target.grant(user.name, grant)
  const here = (await target.user(user.name))!
  const found = new Set(here.grants.map(keyOf))
  reporter.count('users', 0, 1)
  reporter.count('permissions', 0, grants.filter(grant => found.has(keyOf(grant))).length)
  for (const grant of grants.filter(each => !found.has(keyOf(each))))
    reporter.differ(what, `${grant.level} on ${grant.kind} ${grant.id} is not here`)

  if (!here.hasPassword) reporter.leave(what, 'has no password here: they cannot be read, so give a new one')
  if (user.isAdministrator && !here.isAdministrator)
    reporter.leave(what, 'is an administrator there, and was here before as somebody who is none')
  for (const { kind, id, level } of user.grants.filter(grant => !grantHere(grant, names, target.project)))
    reporter.leave(
      what,
      `has ${level} on ${kind} ${id} there, for which there is no grant here: give a role in the project`,
    )
}

const keyOf = ({ kind, id, level }: CarriedGrant): string => JSON.stringify([kind, id, level])

/** A grant as it is said here; undefined for what is granted on many things at once, or on what has not come along. */
function grantHere(grant: CarriedGrant, { experiments, prefix }: NamesHere, project: string): CarriedGrant | undefined {
  const { kind, id, level } = grant
  if (id === '*') return undefined
  if (kind === 'registered_model' || kind === 'prompt') {
    const name = `${prefix}${id}`
    return { kind: 'registered_model', id: project === 'default' ? name : `${project}.${name}`, level }
  }
  if (kind !== 'experiment' && kind !== 'scorer') return undefined
  const [experiment = '', ...scorer] = id.split('/')
  const here = experiments.get(experiment)
  return here === undefined ? undefined : { kind, id: [here, ...scorer].join('/'), level }
}
