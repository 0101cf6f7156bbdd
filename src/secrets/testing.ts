import type { Clock } from '#kernel/clock.ts'
import { manualClock } from '#kernel/clock.ts'
import type { Db, Outbox } from '#storage'
import { masterKeySource } from './master-key.ts'
import { createSecrets, type Secrets } from './secrets.ts'
import { sqlSecretStore } from './store.sql.ts'
import { createVault, type Vault } from './vault.ts'

/** 32 bytes for tests. */
export const testMasterKey = Buffer.alloc(32, 7).toString('base64')

/** A vault whose keys are in this database, under a master key that everyone knows. */
export const testVault = (db: Db, clock: Clock = manualClock(1)): Vault =>
  createVault({ store: sqlSecretStore(db), master: masterKeySource(testMasterKey, ''), clock })

/** Secrets in this database. */
export const testSecrets = (parts: { db: Db; outbox: Outbox; clock?: Clock }): Secrets =>
  createSecrets({ clock: manualClock(1), ...parts, store: sqlSecretStore(parts.db), vault: testVault(parts.db) })

/** Where nothing is set. */
export const noSecrets: Pick<Secrets, 'use'> = { use: async () => ({}) }
