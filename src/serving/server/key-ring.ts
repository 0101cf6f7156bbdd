import { hash as hashOf } from 'node:crypto'
import { credentialsOf } from '#http/credentials.ts'
import { KeysFile, keysFile, type ServingKey } from '../keys-file.ts'
import { readJsonFile } from '../routes-file.ts'
import { RequestError } from './request-error.ts'

interface Asked {
  readonly name: string
  readonly project: string
}

/** Who asks, and what they may. */
export interface Caller {
  readonly name: string
  /** By which their requests are counted: each token is a client of its own, and whoever comes without one is one together. */
  readonly client: string
  /** Whether the deployment is there for them. */
  reads(deployment: Asked): boolean
  asks(deployment: Asked): boolean
  /** Whether they may load and unload it: who may divide its traffic, and no token for single deployments. */
  manages(deployment: Asked): boolean
  /** Whether they may read what is about all projects. */
  readonly readsAll: boolean
  /** Whether it is the control plane of this server. */
  readonly isKeeper: boolean
}

export interface KeyRing {
  /** Throws `RequestError` 401 for a token that is unknown or has expired, and for none where one is needed. */
  caller(authorization: string | undefined): Caller
  /** Reads the keys again; without a file nobody has one. */
  reload(): Promise<void>
}

const yes = (): boolean => true
const no = (): boolean => false
const everyone: Caller = {
  name: 'local',
  client: 'local',
  reads: yes,
  asks: yes,
  manages: yes,
  readsAll: true,
  isKeeper: false,
}
/** Of an address that is open to all; what is there asks nothing of the caller. */
export const nobody: Caller = {
  name: '',
  client: '',
  reads: no,
  asks: no,
  manages: no,
  readsAll: false,
  isKeeper: false,
}
/** Whoever is let through by somebody before this server: they ask, and do nothing else. */
const guest: Caller = { ...everyone, name: 'anybody', client: 'anybody', manages: no, readsAll: false }
const keeper: Caller = { ...everyone, name: 'control plane', isKeeper: true }

/**
 * `isOpen`: requests without a token are those of the person at the machine. `isGuarded`: they are of whoever somebody
 * before this server lets through. `secret` is what the control plane says.
 */
export function createKeyRing(
  folder: string,
  {
    isOpen,
    isGuarded,
    secret,
    now = Date.now,
  }: { isOpen: boolean; isGuarded: boolean; secret: string; now?: () => number },
): KeyRing {
  const own = digestOf(secret)
  let known = new Map<string, { caller: Caller; expiresAt: number }>()

  return {
    caller(authorization) {
      const given = credentialsOf(authorization)
      if (!given) {
        if (isOpen) return everyone
        if (isGuarded) return guest
        throw unauthorized('Who asks? Send a token as `Authorization: Bearer <token>`.')
      }
      const digest = digestOf(given.secret)
      if (digest === own) return keeper
      const found = known.get(digest)
      if (found && found.expiresAt > now()) return found.caller
      throw unauthorized('The token is unknown or has expired. A password is not taken here.')
    },
    async reload() {
      const file = await readJsonFile(keysFile(folder), KeysFile)
      known = new Map(
        file?.keys.map(key => [key.hash, { caller: callerOf(key), expiresAt: key.expiresAt ?? Infinity }]),
      )
    },
  }
}

const unauthorized = (message: string): RequestError =>
  new RequestError('unauthorized', message, { headers: { 'www-authenticate': 'Bearer' } })

/** A microsecond, against the tens that the rest of a request takes. */
const digestOf = (text: string): string => hashOf('sha256', text)

function callerOf({ hash, name, reads, asks, deployments }: ServingKey): Caller {
  const asked = covers(asks)
  const read = covers(reads)
  const only = deployments && new Set(deployments)
  const mayAsk = (deployment: Asked): boolean =>
    asked(deployment.project) && (only === undefined || only.has(deployment.name))
  return {
    name,
    client: hash,
    asks: mayAsk,
    manages: deployment => only === undefined && mayAsk(deployment),
    reads: deployment => read(deployment.project) || mayAsk(deployment),
    readsAll: reads === 'all',
    isKeeper: false,
  }
}

function covers(projects: ServingKey['reads']): (project: string) => boolean {
  if (projects === 'all') return yes
  const set = new Set(projects)
  return project => set.has(project)
}
