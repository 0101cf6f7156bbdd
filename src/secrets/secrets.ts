import type { Clock } from '#kernel/clock.ts'
import { conflict, invalid, notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Outbox } from '#storage'
import { keysRotated, secretRemoved, secretSet, secretsUsed } from './events.ts'
import type { Place } from './sealed.ts'
import type { Renew, SealedColumn } from './sealed-column.ts'
import { checkValue, type Secret } from './secret.ts'
import type { SealedSecret, SecretStore } from './store.ts'
import type { Vault } from './vault.ts'

/** Passwords, tokens and addresses that tasks, sources and channels name and nobody reads. */
export interface Secrets {
  /** Without a project: of the platform, for every project. Throws `invalid` for a value that cannot be one. */
  set(draft: Named & { readonly value: string; readonly actor: string }): Promise<Secret>
  list(project: string | undefined, page: PageRequest): Promise<Page<Secret>>
  /** Throws `not_found`. */
  remove(secret: Named & { readonly actor: string }): Promise<void>
  /** Those of the names that neither the project nor the platform has. */
  missing(project: string, names: readonly string[]): Promise<readonly string[]>
  /**
   * The values, by name: the project's own before the platform's. It is written down who asked. Throws `invalid` with
   * the names that nobody has set.
   */
  use(request: Use): Promise<Readonly<Record<string, string>>>
  /** Seals what others keep as it was given, from the time before there was a vault: once, before anything asks for it. */
  sealPlain(): Promise<void>
  /** New keys for everything that is sealed. May be called again after a crash, and then ends what was begun. */
  rotate(actor: string): Promise<Rotation>
}

interface Named {
  readonly project: string | undefined
  readonly name: string
}

export interface Use {
  readonly project: string
  readonly names: readonly string[]
  /** Who asks, for people: `training.fit, attempt 2`. */
  readonly by: string
  readonly run?: string | undefined
}

export interface Rotation {
  readonly masterKey: string
  readonly isNew: boolean
  readonly dataKeys: number
  readonly resealed: number
}

export interface SecretsDeps {
  readonly store: SecretStore
  readonly vault: Vault
  readonly outbox: Pick<Outbox, 'emit'>
  readonly clock: Clock
  /** What others have sealed. */
  readonly alsoSealed?: readonly SealedColumn[]
}

/** Project of the platform's own, in the store. */
const everywhere = ''
const triesMax = 5
const placeOf = ({ project, name, version }: Secret): Place => ({
  project: project ?? everywhere,
  name: `secret/${name}/${version}`,
})

export function createSecrets(deps: SecretsDeps): Secrets {
  const { store, vault, outbox, clock } = deps

  /** The version after the one that is there. */
  async function nextOf(draft: Named & { value: string; actor: string }): Promise<SealedSecret> {
    const { project, name, value, actor } = draft
    const version = ((await store.find(project ?? everywhere, name))?.version ?? 0) + 1
    const secret = { ...(project !== undefined && { project }), name, version, setAt: clock.now(), setBy: actor }
    return { ...secret, sealed: await vault.seal(value, placeOf(secret)) }
  }

  async function find({ project, names }: Pick<Use, 'project' | 'names'>): Promise<readonly SealedSecret[]> {
    const found: SealedSecret[] = []
    const absent: string[] = []
    for (const name of new Set(names)) {
      const secret = (await store.find(project, name)) ?? (await store.find(everywhere, name))
      if (secret) found.push(secret)
      else absent.push(name)
    }
    if (absent.length === 0) return found
    throw invalid(
      `Secrets of ${project} are not set.`,
      absent.map(name => ({ field: name, allowed: `a secret: trainyard secrets set ${name} --project ${project}` })),
    )
  }

  return {
    async set(draft) {
      checkValue(draft.name, draft.value)
      for (let tries = 1; tries <= triesMax; tries++) {
        const next = await nextOf(draft)
        const { sealed: _, ...secret } = next
        const { project, actor } = draft
        const data = { name: secret.name, version: secret.version }
        const isKept = await store.transaction(async tx => {
          if (!(await store.put(tx, next))) return false
          await outbox.emit(tx, secretSet, { project, actor, data })
          return true
        })
        if (isKept) return secret
      }
      throw conflict(`${draft.name} is being set by others at the same time.`, { name: draft.name })
    },

    list: (project, page) => store.list(project ?? everywhere, page),

    async remove({ project, name, actor }) {
      await store.transaction(async tx => {
        if (!(await store.remove(tx, project ?? everywhere, name))) throw notFound('secret', name)
        await outbox.emit(tx, secretRemoved, { project, actor, data: { name } })
      })
    },

    async missing(project, names) {
      const known = [...(await store.known(project, names)), ...(await store.known(everywhere, names))]
      return [...new Set(names)].filter(name => !known.includes(name))
    },

    async use({ project, names, by, run }) {
      const found = await find({ project, names })
      const values: [string, string][] = []
      for (const secret of found) values.push([secret.name, await vault.open(secret.sealed, placeOf(secret))])
      if (found.length === 0) return {}
      await store.transaction(async tx => {
        for (const { project: owner = everywhere, name } of found)
          await store.markUsed(tx, { project: owner, name }, { at: clock.now(), by })
        const data = { names: found.map(({ name }) => name), by, ...(run !== undefined && { run }) }
        await outbox.emit(tx, secretsUsed, { project, data })
      })
      return Object.fromEntries(values)
    },

    async sealPlain() {
      for (const column of deps.alsoSealed ?? []) await column.sealPlain()
    },

    rotate: actor => rotate(deps, actor),
  }
}

async function rotate({ store, vault, outbox, alsoSealed = [] }: SecretsDeps, actor: string): Promise<Rotation> {
  const renewed = await vault.renewKeys()
  const renew: Renew = async (sealed, place) =>
    (await vault.isCurrent(sealed, place.project)) ? undefined : vault.seal(await vault.open(sealed, place), place)
  let resealed = await resealAll(store, renew)
  for (const column of alsoSealed) resealed += await column.reseal(renew)
  await vault.forgetFormer()
  const { masterKey, dataKeys } = renewed
  await store.transaction(tx => outbox.emit(tx, keysRotated, { actor, data: { masterKey, dataKeys, resealed } }))
  return { ...renewed, resealed }
}

async function resealAll(store: SecretStore, renew: Renew): Promise<number> {
  let count = 0
  for (;;) {
    const some = await store.sealedBefore()
    if (some.length === 0) return count
    for (const secret of some) {
      const sealed = await renew(secret.sealed, placeOf(secret))
      if (sealed !== undefined) await store.reseal(secret, sealed)
      count += 1
    }
  }
}
