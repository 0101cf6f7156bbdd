import { randomUUID } from 'node:crypto'
import swagger from '@fastify/swagger'
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import { z } from 'zod'
import { TrainyardError } from '#kernel/error.ts'
import { jsonSchemaOf, jsonSchemas } from './json-schema.ts'
import { lazyCompilers } from './lazy-schemas.ts'
import { giveBackSent } from './sent-bytes.ts'
import { endSlowBodies } from './slow-body.ts'
import { sendProblem, toProblem } from './problem.ts'

interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown
  serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypes
>

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks: set by access before any handler runs. */
    actor: string
    /** Which projects the caller has a role in: lists over projects hold no others. Set with `actor`. */
    readable: 'all' | readonly string[]
    /** Asks again who it is and what they may, of a request that lasts. Throws when they are nobody any more. */
    refresh(): Promise<void>
  }
}

const bodyBytesMax = 16 * 1024 * 1024

/** The HTTP edge. Routes are written in zod; Ajv and OpenAPI see the JSON Schema of it. */
export async function createApp({
  logger,
  version,
  bodyTimeoutMs = 60_000,
}: {
  logger?: FastifyBaseLogger
  version: string
  /** How long a sender may be silent in the midst of a request. */
  bodyTimeoutMs?: number
}): Promise<App> {
  const app = Fastify({
    ...(logger ? { loggerInstance: logger } : {}),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    // Who has begun a request and sends no more of it, or listens to a stream of events, does not hold up the end.
    forceCloseConnections: true,
    http: { headersTimeout: bodyTimeoutMs, connectionsCheckingInterval: Math.max(100, bodyTimeoutMs / 4) },
    genReqId: () => randomUUID(),
    schemaController: { compilersFactory: lazyCompilers },
    // Query strings carry numbers as text; bodies must not: a text in a number is the sender's mistake.
    ajv: {
      customOptions: {
        coerceTypes: false,
        allErrors: true,
        removeAdditional: false,
        useDefaults: true,
        strict: false,
        verbose: true,
      },
    },
  }).withTypeProvider<ZodTypes>()
  app.decorateRequest('actor', 'anonymous')
  app.decorateRequest('readable', 'all')
  app.decorateRequest('refresh', async () => {})

  endSlowBodies(app as unknown as FastifyInstance, bodyTimeoutMs)
  giveBackSent(app as unknown as FastifyInstance)

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Trainyard', version, description: 'MLOps platform: the native API.' },
    },
    transform: ({ schema, url }) => ({ schema: schema && jsonSchemas(schema), url }),
  })
  app.addHook('preValidation', coerceQuery)
  app.setErrorHandler((error: FastifyError | TrainyardError, request, reply) =>
    sendProblem(toProblem(error, request.log), reply),
  )
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      toProblem(
        new TrainyardError('not_found', `There is no ${request.method} ${request.url.split('?')[0]}.`, {
          what: 'route',
        }),
        request.log,
      ),
      reply,
    ),
  )
  return app
}

/** Turns `?limit=5` into a number where the route's schema asks for one. */
async function coerceQuery(request: FastifyRequest, _: FastifyReply): Promise<void> {
  const type = request.routeOptions.schema?.querystring
  if (!(type instanceof z.ZodType)) return
  const schema = jsonSchemaOf(type, 'querystring') as { properties?: Record<string, { type?: string }> }
  const query = request.query as Record<string, unknown>
  for (const [name, { type }] of Object.entries(schema.properties ?? {})) {
    const text = query[name]
    if (typeof text !== 'string') continue
    if ((type === 'integer' || type === 'number') && text.trim() !== '' && Number.isFinite(Number(text)))
      query[name] = Number(text)
    if (type === 'boolean' && (text === 'true' || text === 'false')) query[name] = text === 'true'
  }
}
