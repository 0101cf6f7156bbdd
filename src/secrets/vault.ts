import { randomBytes } from 'node:crypto'
import type { Clock, Millis } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { MasterKeys, MasterKeySource } from './master-key.ts'
import { keyBytes, keyOf, openText, sealText, type Place, type SealingKey } from './sealed.ts'
import type { DataKey, SecretStore } from './store.ts'

/** Seals texts for one place each, and opens them only there: with a data key for each project, under the master key. */
export interface Vault {
  seal(text: string, place: Place): Promise<string>
  /** Throws `unavailable` when this server has not the key; anything else that does not open is a fault. */
  open(sealed: string, place: Place): Promise<string>
  /** Whether it is sealed with the key that seals now. */
  isCurrent(sealed: string, project: string): Promise<boolean>
  /** A new data key for every project, all of them wrapped with the first master key, which is new when we may make one. */
  renewKeys(): Promise<{ masterKey: string; isNew: boolean; dataKeys: number }>
  /** Ends a rotation, once all is sealed with the new keys. */
  forgetFormer(): Promise<void>
}

/** A server that seals with a key it has read before does so for no longer than this after the key was retired. */
const retiredKeptMs = 24 * 60 * 60_000

export interface VaultParts {
  readonly store: Pick<SecretStore, 'key' | 'currentKey' | 'addKey' | 'keys' | 'rewrap' | 'removeRetired'>
  readonly master: MasterKeySource
  readonly clock: Clock
}

export function createVault({ store, master, clock }: VaultParts): Vault {
  const ring = createKeyRing(master)

  /** Adds a data key to a project; another server's, when that was quicker. */
  async function addKey(project: string, former: DataKey | undefined): Promise<DataKey> {
    const id = newId<'secret_key'>('dek')
    const text = randomBytes(keyBytes).toString('base64')
    const wrapped = sealText(text, wrapping({ id, project }), (await ring.masterKeys())[0])
    const key = { id, project, wrapped, createdAt: clock.now() }
    return (await store.addKey(key, former?.id)) ? key : (await store.currentKey(project))!
  }

  const current = async (project: string): Promise<DataKey> =>
    (await store.currentKey(project)) ?? addKey(project, undefined)

  return {
    async seal(text, place) {
      return sealText(text, place, await ring.unwrap(await current(place.project)))
    },

    async open(sealed, place) {
      const key = await store.key(keyOf(sealed))
      if (!key) throw new Error(`The data key ${keyOf(sealed)} of ${place.project}/${place.name} is gone.`)
      return openText(sealed, place, await ring.unwrap(key))
    },

    isCurrent: async (sealed, project) => (await store.currentKey(project))?.id === keyOf(sealed),

    async renewKeys() {
      await master.add?.()
      ring.forget()
      const [first] = await ring.masterKeys()
      const former = await store.keys()
      for (const key of former) {
        const { bytes } = await ring.unwrap(key)
        await store.rewrap(key.id, sealText(Buffer.from(bytes).toString('base64'), wrapping(key), first))
      }
      const projects = former.filter(({ retiredAt }) => retiredAt === undefined)
      for (const key of projects) await addKey(key.project, key)
      return { masterKey: first.id, isNew: master.add !== undefined, dataKeys: projects.length }
    },

    async forgetFormer() {
      await master.dropFormer?.()
      ring.forget()
      await store.removeRetired((clock.now() - retiredKeptMs) as Millis)
    },
  }
}

/** Keys as they are needed: read, unwrapped, and kept in memory. */
function createKeyRing(master: MasterKeySource) {
  const opened = new Map<string, SealingKey>()
  let masters: Promise<MasterKeys> | undefined
  const forget = (): void => {
    masters = undefined
  }
  const masterKeys = (): Promise<MasterKeys> => {
    masters ??= master.read().catch((error: unknown) => {
      forget()
      throw error
    })
    return masters
  }

  async function masterKey(id: string): Promise<SealingKey> {
    const find = async (): Promise<SealingKey | undefined> => (await masterKeys()).find(key => key.id === id)
    const known = await find()
    if (known) return known
    // Another server may have rotated the master key since it was read here.
    forget()
    const read = await find()
    if (read) return read
    throw new TrainyardError(
      'unavailable',
      `The master key ${id} is not here: the setting masterKey, or the file of the data folder, is another one.`,
      { masterKey: id },
    )
  }

  async function unwrap(key: DataKey): Promise<SealingKey> {
    const known = opened.get(key.id)
    if (known) return known
    const text = openText(key.wrapped, wrapping(key), await masterKey(keyOf(key.wrapped)))
    const made = { id: key.id, bytes: Buffer.from(text, 'base64') }
    opened.set(key.id, made)
    return made
  }

  return { masterKeys, unwrap, forget }
}

const wrapping = ({ id, project }: Pick<DataKey, 'id' | 'project'>): Place => ({ project, name: `key/${id}` })
