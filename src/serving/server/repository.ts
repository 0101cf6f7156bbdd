import { json, type Call, type Reply } from './call.ts'
import { readJson, type Members } from './json-body.ts'
import { seen } from './predictor.ts'
import { badRequest, RequestError } from './request-error.ts'
import type { RouteTable } from './route-table.ts'

/**
 * Which models there are, and taking them out of memory and back [Triton's model repository extension]. What is in the
 * repository is a matter of deployments: no model comes in by a load.
 */

/** Every revision that the caller may see; with `ready`, only those that can answer. */
export function repositoryIndex(table: RouteTable, { body, caller }: Call): Reply {
  const { ready } = bodyOf(body)
  if (ready !== undefined && typeof ready !== 'boolean') throw badRequest('"ready" is true or false.')
  const all = table
    .deployments()
    .filter(deployment => caller.reads(deployment))
    .flatMap(deployment =>
      table.listed(deployment).map(({ number, problem }) => entryOf(deployment.name, number, problem)),
    )
  return json(ready === true ? all.filter(({ state }) => state === 'READY') : all)
}

const entryOf = (name: string, number: number, problem: string) => ({
  name,
  version: String(number),
  state: problem === '' ? 'READY' : 'UNAVAILABLE',
  reason: problem,
})

/** Loads or unloads a deployment. Throws `RequestError` 403 for who may not divide its traffic either. */
export async function changeModel(
  table: RouteTable,
  { body, caller }: Call,
  { name, verb }: { name: string; verb: 'load' | 'unload' },
): Promise<Reply> {
  const deployment = seen(table, name, caller)
  if (!caller.manages(deployment))
    throw new RequestError(
      403,
      `${caller.name} may not ${verb} ${name}: it takes the role editor in ${deployment.project}.`,
    )
  const { parameters = {} } = bodyOf(body)
  const sent = Object.keys(parameters as Members).find(key => key === 'config' || key.startsWith('file:'))
  if (sent !== undefined)
    throw badRequest(`Parameter ${sent}: a ${verb} brings no model and no configuration. Deploy a version instead.`)
  await table[verb](deployment)
  process.stderr.write(`${new Date().toISOString()} ${caller.name} has had ${name} ${verb}ed\n`)
  return { status: 200, body: '' }
}

/** Clients send nothing where they have nothing to say. */
const bodyOf = (body: Buffer): Members =>
  body.length === 0 ? {} : readJson(body, 'The body must be an object, or empty').members
