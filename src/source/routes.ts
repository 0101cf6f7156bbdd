import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { crashPoint } from '#kernel/crash-point.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import { Name } from '#kernel/wire.ts'
import { gitRequest, projectOfAddress, runBackend, type GitRequest } from './http-backend.ts'
import { createLimit } from './limit.ts'
import type { Repositories } from './repositories.ts'
import { CommitList, RepositoryWire } from './wire.ts'

const tags = ['source']
const params = z.object({ project: Name })

export interface SourceRoutesOptions {
  /** Git programs that may run at the same time for clients; more wait. */
  readonly parallel?: number
  readonly warn: (facts: object, message: string) => void
}

/**
 * The repository in the native API, and git's smart HTTP protocol at `/git/<project>.git`. Who may read and push is
 * decided by a hook in front of these routes.
 */
export function sourceRoutes(app: App, repositories: Repositories, { parallel = 4, warn }: SourceRoutesOptions): void {
  app.get(
    '/api/v1/projects/:project/repository',
    {
      schema: {
        summary: "A project's repository, made when first asked for",
        tags,
        params,
        response: { 200: RepositoryWire },
      },
    },
    async request => repositories.create(request.params.project),
  )

  app.get(
    '/api/v1/projects/:project/commits',
    {
      schema: {
        summary: 'Commits, newest first',
        tags,
        params,
        querystring: z.object({
          limit: z.int().min(1).max(500).default(50),
          branch: z.string().max(200).default('main'),
        }),
        response: { 200: CommitList },
      },
    },
    async ({ params: { project }, query }) => ({ items: [...(await repositories.log(project, query))] }),
  )

  const limit = createLimit({ parallel, waitingMax: parallel * 50 })
  app.register(async scope => {
    // Bodies are streams: a push is as long as its history.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_, __, done) => done(null))
    scope.route({
      method: ['GET', 'POST'],
      url: '/git/*',
      // Cloning reads although it posts.
      config: {
        role: ({ url }: { url: string }) => (url.includes('git-receive-pack') ? 'editor' : 'viewer'),
        project: ({ url }: { url: string }) => projectOfAddress(url),
      },
      schema: { hide: true } as object,
      handler: (request, reply) => serve({ repositories, limit, warn, request, reply }),
    })
  })
}

interface Call {
  readonly repositories: Repositories
  readonly limit: ReturnType<typeof createLimit>
  readonly warn: SourceRoutesOptions['warn']
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

async function serve({ repositories, limit, warn, request, reply }: Call): Promise<void> {
  const asked = accepted(request)
  // The first push makes the repository; whoever may push may make one.
  if (asked.service === 'git-receive-pack') await repositories.create(asked.project)
  const place = await repositories.place(asked.project)
  if (!place) throw notFound('repository', asked.project)
  const gone = new AbortController()
  request.raw.once('close', () => request.raw.complete || gone.abort())
  const leave = await limit.enter(gone.signal)
  try {
    reply.hijack()
    const outcome = await runBackend({
      ...asked,
      ...place,
      request: request.raw,
      response: reply.raw,
      actor: request.actor,
    })
    if (outcome.code !== 0 || outcome.said !== '')
      warn({ project: asked.project, service: asked.service, ...outcome }, 'git transport ended badly')
    // Before the client hears the end of its push, what it pushed is announced.
    if (asked.service === 'git-receive-pack' && !asked.advertise) {
      crashPoint('source.received')
      await repositories.scan({ project: asked.project, actor: request.actor })
    }
  } catch (error) {
    // The answer has been sent; the next scan finds the push.
    warn({ project: asked.project, err: error }, 'push could not be announced')
  } finally {
    leave()
    reply.raw.end()
  }
}

/** Lets through what git's smart protocol asks for, and nothing else. */
function accepted(request: FastifyRequest): GitRequest {
  const asked = gitRequest(request.method, request.raw.url ?? '')
  if (asked === undefined) throw notFound('path', request.url.split('?')[0]!)
  if (asked === 'dumb')
    throw new TrainyardError('forbidden', 'Only the smart HTTP protocol is spoken here: use git 1.6.6 or later.')
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = request.headers
  if (!asked.advertise && type !== `application/x-${asked.service}-request`)
    throw new TrainyardError('invalid', 'This is no request of git.', { field: 'content-type', value: type })
  if (!['identity', 'gzip', 'x-gzip'].includes(encoding))
    throw new TrainyardError('invalid', 'The body is compressed in an unknown way.', {
      field: 'content-encoding',
      value: encoding,
      allowed: 'gzip',
    })
  return asked
}
