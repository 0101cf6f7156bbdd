import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { invalid } from '#kernel/error.ts'
import type { BatchAnswer, Caller, OpenLineageIntake } from './openlineage-intake.ts'

const tags = ['metadata']
const eventsMax = 1_000

const BatchWire = z.object({
  status: z.enum(['success', 'partial_success', 'failure']),
  summary: z.object({
    received: z.int(),
    successful: z.int(),
    failed: z.int(),
    retriable: z.int(),
    non_retriable: z.int(),
  }),
  failed_events: z.array(z.object({ index: z.int(), reason: z.string(), retriable: z.boolean() })),
})

interface Parts {
  readonly intake: OpenLineageIntake
  /** The project of this name, if there is one. */
  isProject(name: string): Promise<boolean>
}

/** Where OpenLineage clients send their events [specification 2-0-2, OpenLineage.yml]. */
export function openLineageRoutes(app: App, { intake, isProject }: Parts): void {
  const callerOf = (request: FastifyRequest): Caller => ({
    async projectOf(namespace) {
      const name = namespace.replace(/^trainyard\//, '')
      const project = (await isProject(name)) ? name : request.workspace
      await request.permit('edit', { project })
      return project
    },
    mayRead: project => request.mayRead({ project }),
  })
  const config = { role: 'viewer', project: 'caller' } as const

  app.post(
    '/api/v1/lineage',
    {
      config,
      preParsing: unpacked,
      schema: {
        summary: 'OpenLineage: an event of a run, dataset or job, or several of them',
        tags,
        body: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown()).max(eventsMax)]),
        response: { 200: BatchWire, 201: z.object({ recorded: z.boolean() }) },
      },
    },
    async (request, reply) => {
      const { body } = request
      if (Array.isArray(body)) return reply.code(200).send(toBatch(await intake.takeAll(body, callerOf(request))))
      return reply.code(201).send({ recorded: await intake.take(body, callerOf(request)) })
    },
  )

  app.post(
    '/api/v1/lineage/batch',
    {
      config,
      preParsing: unpacked,
      schema: {
        summary: 'OpenLineage: several events, each taken by itself',
        tags,
        body: z.array(z.unknown()).max(eventsMax),
        response: { 200: BatchWire },
      },
    },
    async request => toBatch(await intake.takeAll(request.body, callerOf(request))),
  )
}

function toBatch({ received, successful, failed }: BatchAnswer): z.output<typeof BatchWire> {
  const status = failed.length === 0 ? 'success' : successful === 0 ? 'failure' : 'partial_success'
  return {
    status,
    summary: { received, successful, failed: failed.length, retriable: 0, non_retriable: failed.length },
    failed_events: failed.map(one => ({ ...one, retriable: false })),
  }
}

/** Clients may send gzip. The limit of the body is that of what it unpacks to. */
async function unpacked(request: FastifyRequest, _: unknown, payload: Readable): Promise<Readable> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return payload
  if (encoding !== 'gzip')
    throw invalid('The body is packed in an unknown way.', [
      { field: 'content-encoding', value: encoding, allowed: 'gzip, or none' },
    ])
  // It counts what was packed.
  delete request.headers['content-length']
  return payload.pipe(createGunzip())
}
