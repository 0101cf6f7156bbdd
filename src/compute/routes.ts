import { Readable } from 'node:stream'
import type { FastifyRequest, preParsingHookHandler } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { metricsName, type NodeDesk } from './node-desk.ts'
import {
  AttemptParams,
  BeatAnswer,
  BeatBody,
  BlobParams,
  Claimed,
  ClaimBody,
  EndBody,
  FolderBody,
  LogAnswer,
  LogQuery,
  NodeQuery,
  OutputAnswer,
  OutputParams,
} from './wire.ts'

const tags = ['attempts']
const root = '/api/v1/attempts/:attempt'
const params = AttemptParams
const pieceBytesMax = 1024 * 1024

/** How nodes of other machines talk to the platform. They have no user and no role: a token of the one attempt. */
export function attemptRoutes(app: App, desk: NodeDesk): void {
  const admit: preParsingHookHandler = async request =>
    desk.admit((request.params as { attempt: string }).attempt, secretOf(request))
  const common: Common = { config: { role: 'none', may: 'nodes of the attempt' }, preParsing: admit }
  talkRoutes(app, desk, common)
  app.register(async scope => logRoutes(scope as App, desk, common))
  app.register(async scope => fileRoutes(scope as App, desk, common))
}

interface Common {
  readonly config: { readonly role: 'none'; readonly may: string }
  readonly preParsing: preParsingHookHandler
}

const secretOf = ({ headers }: FastifyRequest): string | undefined =>
  /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1]

function talkRoutes(app: App, desk: NodeDesk, common: Common): void {
  const claim = { summary: 'Become a node of the attempt, and hear what to do', tags, params, body: ClaimBody }
  app.post(`${root}/claim`, { ...common, schema: { ...claim, response: { 200: Claimed } } }, async request => {
    const { host, ...node } = request.body
    return desk.claim({ ...request.params, ...node }, secretOf(request)!, host)
  })

  const beat = { summary: 'Say that the node is there, and hear whether to end', tags, params, body: BeatBody }
  app.post(
    `${root}/heartbeat`,
    { ...common, schema: { ...beat, response: { 200: BeatAnswer } } },
    async ({ params: { attempt }, body }) => {
      const stop = await desk.beat({ attempt, ...body })
      return stop === undefined ? {} : { stop }
    },
  )

  const keep = { summary: 'Keep files that were handed in for the next attempt', tags, params, body: FolderBody }
  app.post(
    `${root}/checkpoint`,
    { ...common, schema: { ...keep, response: { 200: z.object({}) } } },
    async ({ params: { attempt }, body: { files, ...node } }) => {
      await desk.keepCheckpoint({ attempt, ...node }, files)
      return {}
    },
  )

  const folder = { summary: 'Hand in an output that is a folder', tags, params: OutputParams, body: FolderBody }
  app.post(
    `${root}/outputs/:name`,
    { ...common, schema: { ...folder, response: { 200: OutputAnswer } } },
    async ({ params: { attempt, name }, body: { files, ...node } }) =>
      desk.putOutputFolder({ attempt, ...node }, name, files),
  )

  const end = { summary: 'Say how it ended', tags, params, body: EndBody, response: { 200: z.object({}) } }
  app.post(`${root}/end`, { ...common, schema: end }, async ({ params: { attempt }, body: { end: word, ...node } }) => {
    await desk.end({ attempt, ...node }, word)
    return {}
  })

  app.get(
    `${root}/blobs/:digest`,
    { ...common, schema: { summary: 'Bytes of its code or inputs', tags, params: BlobParams } },
    async ({ params: { attempt, digest } }, reply) =>
      reply.header('content-type', 'application/octet-stream').send(await desk.blob(attempt, digest)),
  )
}

function logRoutes(app: App, desk: NodeDesk, common: Common): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: pieceBytesMax }, (_, bytes, done) => done(null, bytes))
  const log = { summary: 'Hand in a piece of the log', tags, params, querystring: LogQuery }
  app.post(
    `${root}/log`,
    { ...common, schema: { ...log, response: { 200: LogAnswer } } },
    async ({ params: { attempt }, query: { position, ...node }, body }) => ({
      next: await desk.log({ attempt, ...node }, { position, bytes: Buffer.isBuffer(body) ? body : Buffer.alloc(0) }),
    }),
  )
}

/** Files are streams, as large as they are. */
function fileRoutes(app: App, desk: NodeDesk, common: Common): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_, payload, done) => done(null, payload))
  const stream = (body: unknown): Readable => (body instanceof Readable ? body : Readable.from([]))
  const file = { tags, querystring: NodeQuery, response: { 200: OutputAnswer } }
  app.put(
    `${root}/outputs/:name`,
    { ...common, schema: { ...file, summary: 'Hand in an output', params: OutputParams } },
    async ({ params: { attempt, name }, query, body }) => desk.putOutput({ attempt, ...query }, name, stream(body)),
  )
  for (const [path, summary] of [
    ['files', 'Hand in a file of a folder'],
    // Of a courier that an earlier server has sent, and that goes on under this one: a refusal would end its task.
    ['checkpoint/files', 'Hand in a file of the checkpoint, as couriers of earlier servers do'],
  ] as const)
    app.put(
      `${root}/${path}`,
      { ...common, schema: { ...file, summary, params } },
      async ({ params: { attempt }, query, body }) => desk.putFile({ attempt, ...query }, stream(body)),
    )
  app.put(
    `${root}/metrics`,
    { ...common, schema: { ...file, summary: 'Hand in the file of metrics', params } },
    async ({ params: { attempt }, query, body }) => desk.putOutput({ attempt, ...query }, metricsName, stream(body)),
  )
}
