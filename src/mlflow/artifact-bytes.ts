import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import type { Permission } from '#access'
import type { App } from '#http'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { artifactPath, filePath, nameOf, type Artifacts } from '#tracking'
import { placeOf, proxiedPath, type Place, type PlaceParts } from './artifact-place.ts'
import { sendAttachment } from './attachment.ts'

export interface ArtifactRouteParts extends PlaceParts {
  readonly artifacts: Artifacts
  /** The URI of a version's files, of a model as the caller names it. Throws `not_found`. */
  versionUri(name: string, version: number, workspace: string): Promise<string>
}

const hide = { hide: true } as object
// Every handler asks for the permission that its path takes.
const viewer = { config: { role: 'viewer', project: 'caller' } as const, schema: hide }
/** What a browser may send in one go. */
const formBytesMax = 10 * 1024 * 1024

type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** Routes whose bodies are bytes: they pass through in pieces, whatever their length. */
export const artifactStreams =
  (parts: ArtifactRouteParts) =>
  (scope: App): void => {
    const { artifacts } = parts
    const send = async (request: FastifyRequest, reply: FastifyReply, asked: Promise<Place>): Promise<FastifyReply> => {
      const place = await permitted(request, 'read', asked)
      const { digest, size } = await place.file()
      return sendAttachment(request, reply, { name: nameOf(place.path), digest, size }, range =>
        artifacts.read({ digest }, range),
      )
    }
    const take = async (request: FastifyRequest, asked: Promise<Place>, bytes: Readable): Promise<object> => {
      const place = await permitted(request, 'edit', asked)
      await artifacts.put(place.path, bytes, place.owner())
      return {}
    }

    for (const prefix of ['/api', '/ajax-api']) {
      const url = `${prefix}/2.0/mlflow-artifacts/artifacts/*`
      const asked = async (request: FastifyRequest): Promise<Place> =>
        placeOf(parts, filePath((request.params as { '*': string })['*']))
      scope.route({
        method: ['GET', 'HEAD'],
        url,
        ...viewer,
        handler: async (request, reply) => send(request, reply, asked(request)),
      })
      scope.put(url, viewer, async request => take(request, asked(request), bodyOf(request)))
      scope.delete(url, viewer, async request => {
        const place = await permitted(request, 'manage', asked(request))
        place.owner()
        await artifacts.remove(place.path)
        return {}
      })
    }

    const inRun = async (query: Query): Promise<Place> => {
      const run = await parts.runs.get(one(query, 'run_id', 'run_uuid'))
      return within(parts, run.artifactUri, one(query, 'path'))
    }
    scope.get('/get-artifact', viewer, async (request, reply) => send(request, reply, inRun(request.query as Query)))
    scope.get('/model-versions/get-artifact', viewer, async (request, reply) => {
      const query = request.query as Query
      const inVersion = async (): Promise<Place> => {
        const uri = await parts.versionUri(one(query, 'name'), numberIn(query, 'version'), request.workspace)
        return within(parts, uri, one(query, 'path'))
      }
      return send(request, reply, inVersion())
    })
    scope.get('/ajax-api/2.0/mlflow/logged-models/:id/artifacts/files', viewer, async (request, reply) => {
      const inModel = async (): Promise<Place> => {
        const { artifactUri } = await parts.loggedModels.get((request.params as { id: string }).id)
        return within(parts, artifactUri, one(request.query as Query, 'artifact_file_path'))
      }
      return send(request, reply, inModel())
    })
    scope.post('/ajax-api/2.0/mlflow/upload-artifact', viewer, async request =>
      take(request, inRun(request.query as Query), Readable.from(limited(bodyOf(request)), { objectMode: false })),
    )
  }

/** The place, if the caller has the permission there. Throws as `permit` does. */
async function permitted(request: FastifyRequest, permission: Permission, asked: Promise<Place>): Promise<Place> {
  await request.permit(
    permission,
    asked.then(({ resource }) => resource),
  )
  return asked
}

/** A path below the directory that a URI names: both are held against the rules, each by itself. */
export async function within(parts: PlaceParts, uri: string, path: string): Promise<Place> {
  return placeOf(parts, `${artifactPath(proxiedPath(uri))}/${filePath(path)}`)
}

/** A request without a body has none at all, rather than an empty one. */
export const bodyOf = (request: FastifyRequest): Readable => (request.body as Readable | undefined) ?? Readable.from([])

/** The value of a query's field under the first name that it has. */
function one(query: Query, ...names: readonly string[]): string {
  for (const name of names) {
    const value = query[name]
    if (typeof value === 'string' && value !== '') return value
  }
  throw invalid(`Missing value for required parameter '${names[0]}'.`, [{ field: names[0]!, allowed: 'one text' }])
}

function numberIn(query: Query, name: string): number {
  const text = one(query, name)
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalid(`Invalid value ${JSON.stringify(text)} for parameter '${name}' supplied.`, [
    { field: name, value: text, allowed: 'a whole number' },
  ])
}

async function* limited(bytes: Readable): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > formBytesMax)
      throw new TrainyardError('too_large', `An upload of this kind has ${formBytesMax} bytes at most.`)
    yield chunk
  }
  if (size === 0) throw invalid('Request must specify data.')
}
