import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '#http'
import type { TrainyardError } from '#kernel/error.ts'
import { sendMlflowProblem, toMlflowProblem, unknownRoute } from './problem.ts'
import { declareOn, methods, type Declare } from './route.ts'

/** The level of MLflow's protocol that is spoken here: what its 3.x clients decide by. */
const protocolVersion = '3.6.0'

const hidden = { hide: true } as object
/** Answers the same to everyone who is known here: that there is nothing. */
const forAll = { config: { role: 'viewer' as const, project: 'caller' as const, may: 'nothing' }, schema: hidden }

/**
 * What MLflow's clients call, in a scope of its own: its errors and bodies have their own form. `groups` are calls in
 * JSON, `streams` are routes that take or give bytes.
 */
export function mlflowRoutes(
  app: App,
  groups: readonly ((declare: Declare) => void)[],
  streams: readonly ((scope: App) => void)[] = [],
): void {
  app.register(async scope => {
    scope.setErrorHandler((error: FastifyError | TrainyardError, request, reply) =>
      sendMlflowProblem(toMlflowProblem(error, request.log), reply),
    )
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      async (_: FastifyRequest, text: string) => text,
    )
    const declared = new Map<string, string[]>()
    const declare = declareOn(scope as App, declared)
    for (const group of groups) group(declare)
    for (const [url, known] of declared) {
      const other = methods.filter(method => !known.includes(method))
      if (isPlain(url) || other.length === 0) continue
      scope.route({ method: other, url, ...forAll, handler: async (_, reply) => wrongMethod(known, reply) })
    }
    for (const unknown of [...anyLevel.map(prefix => `${prefix}/*`), ...ofPages])
      scope.all(unknown, forAll, async ({ method, url }, reply) => {
        const path = url.split('?')[0]!
        const known = declared.get(path)
        return known ? wrongMethod(known, reply) : sendMlflowProblem(unknownRoute(method, path), reply)
      })
    // Bodies of any length and type, handed on as they come.
    scope.register(async inner => {
      inner.removeAllContentTypeParsers()
      inner.addContentTypeParser('*', (_, payload, done) => done(null, payload))
      for (const stream of streams) stream(inner as App)
    })
    const open = { config: { role: 'none' as const }, schema: hidden }
    scope.get('/health', open, async (_, reply) => reply.type('text/plain').send('OK'))
    scope.get('/version', open, async (_, reply) => reply.type('text/plain').send(protocolVersion))
  })
}

const prefixes = ['/api/2.0', '/api/3.0', '/ajax-api/2.0', '/ajax-api/3.0']
/** Newer clients ask for what no level so far has, and go on without it. */
const anyLevel = ['/api', '/ajax-api'].map(front => `${front}/:level(^\\d+\\.\\d+$)`)
/** What MLflow's own pages ask, which are not here. */
const ofPages = ['/graphql']
/** A path that the routes for all that is unknown see as it was declared. */
const isPlain = (url: string): boolean => prefixes.some(prefix => url.startsWith(`${prefix}/`)) && !/[:*]/.test(url)

const wrongMethod = (known: readonly string[], reply: FastifyReply): FastifyReply =>
  sendMlflowProblem(
    { status: 405, error_code: 'BAD_REQUEST', message: `Here is only ${known.join(', ')}.` },
    reply.header('allow', known.join(', ')),
  )
