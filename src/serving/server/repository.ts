import { decodePart, json, type Call, type Reply } from './call.ts'
import { readJson, type Members } from './json-body.ts'
import type { Caller } from './key-ring.ts'
import { seen } from './predictor.ts'
import { badRequest, RequestError } from './request-error.ts'
import type { ListedRevision, RouteTable } from './route-table.ts'

/**
 * Which models there are, and taking them out of memory and back [Triton's model repository extension]. What is in the
 * repository is a matter of deployments: no model comes in by a load.
 */

/** A revision as the index has it. */
export interface IndexEntry {
  readonly name: string
  readonly version: string
  readonly state: 'READY' | 'UNAVAILABLE'
  /** Why it cannot answer. */
  readonly reason: string
}

/** Every revision that the caller may see, or only those that can answer. */
export function repositoryIndex(table: RouteTable, caller: Caller, isReadyOnly: boolean): readonly IndexEntry[] {
  return table
    .deployments()
    .filter(deployment => caller.reads(deployment))
    .flatMap(deployment => table.listed(deployment).map(revision => entryOf(deployment.name, revision)))
    .filter(({ state }) => !isReadyOnly || state === 'READY')
}

const entryOf = (name: string, { number, problem }: ListedRevision): IndexEntry => ({
  name,
  version: String(number),
  state: problem === '' ? 'READY' : 'UNAVAILABLE',
  reason: problem,
})

/** What a client asks of a deployment's models. */
export interface ModelChange {
  readonly name: string
  readonly verb: 'load' | 'unload'
  /** Names of the parameters that it sends. */
  readonly parameters: readonly string[]
}

/** Loads or unloads a deployment. Throws `RequestError` 403 for who may not divide its traffic either. */
export async function changeModel(
  table: RouteTable,
  caller: Caller,
  { name, verb, parameters }: ModelChange,
): Promise<void> {
  const deployment = seen(table, name, caller)
  if (!caller.manages(deployment))
    throw new RequestError(
      'forbidden',
      `${caller.name} may not ${verb} ${name}: it takes the role editor in ${deployment.project}.`,
    )
  const sent = parameters.find(key => key === 'config' || key.startsWith('file:'))
  if (sent !== undefined)
    throw badRequest(`Parameter ${sent}: a ${verb} brings no model and no configuration. Deploy a version instead.`)
  await table[verb](deployment)
  process.stderr.write(`${new Date().toISOString()} ${caller.name} has had ${name} ${verb}ed\n`)
}

/** `/v2/repository/…` over REST; undefined for another path. */
export async function repositoryReply(table: RouteTable, { path, body, caller }: Call): Promise<Reply | undefined> {
  if (path === '/v2/repository/index') {
    const { ready } = bodyOf(body)
    if (ready !== undefined && typeof ready !== 'boolean') throw badRequest('"ready" is true or false.')
    return json(repositoryIndex(table, caller, ready === true))
  }
  const [, name, verb] = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/.exec(path) ?? []
  if (name === undefined) return undefined
  const parameters = Object.keys((bodyOf(body)['parameters'] ?? {}) as Members)
  await changeModel(table, caller, { name: decodePart(name), verb: verb as 'load' | 'unload', parameters })
  return { status: 200, body: '' }
}

/** Clients send nothing where they have nothing to say. */
const bodyOf = (body: Buffer): Members =>
  body.length === 0 ? {} : readJson(body, 'The body must be an object, or empty').members
