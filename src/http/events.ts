import { z } from 'zod'
import type { Event } from '#kernel/event.ts'
import { Instant } from '#kernel/wire.ts'
import type { App } from './app.ts'

/** What live pages read: the event table, from any point on. */
export interface EventTail {
  after(seq: number, limit: number, projects?: readonly string[]): Promise<readonly Event[]>
  newest(limit: number, projects?: readonly string[], before?: number): Promise<readonly Event[]>
  onAppend(listener: () => void): () => void
}

export const EventWire = z
  .object({
    seq: z.int(),
    type: z.string(),
    at: Instant,
    project: z.string().optional(),
    actor: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ title: 'Event' })

const batchMax = 200
const heartbeatMs = 15_000

/**
 * `GET /api/v1/events` lists events, newest first; `GET /api/v1/events/stream` sends them as they are committed
 * [server-sent events, HTML Standard 9.2], resuming after `Last-Event-ID`.
 */
export function eventRoutes(app: App, tail: EventTail): void {
  app.get(
    '/api/v1/events',
    {
      schema: {
        summary: 'Events, newest first',
        tags: ['events'],
        querystring: z.object({
          project: z.string().optional(),
          before: z.int().optional(),
          limit: z.int().min(1).max(500).default(50),
        }),
        response: { 200: z.object({ items: z.array(EventWire) }) },
      },
    },
    async ({ query, readable }) => ({
      items: (await tail.newest(query.limit, projectsOf(query.project, readable), query.before)) as never,
    }),
  )

  app.get(
    '/api/v1/events/stream',
    {
      schema: {
        summary: 'Events as they happen (text/event-stream)',
        tags: ['events'],
        querystring: z.object({ project: z.string().optional(), after: z.int().min(0).optional() }),
      },
    },
    async (request, reply) => {
      const { project, after } = request.query
      const resume = Number(request.headers['last-event-id'])
      let seq = after ?? (Number.isInteger(resume) && resume > 0 ? resume : ((await tail.newest(1))[0]?.seq ?? 0))
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      raw.write(':ready\n\n')

      let sending = Promise.resolve()
      const send = async (): Promise<void> => {
        // A stream outlives roles and tokens: what may be read is asked anew.
        await request.refresh()
        const projects = projectsOf(project, request.readable)
        for (
          let events = await tail.after(seq, batchMax, projects);
          events.length > 0 && !raw.destroyed;
          events = await tail.after(seq, batchMax, projects)
        ) {
          for (const event of events)
            raw.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
          seq = events.at(-1)!.seq
        }
      }
      const push = (): void => {
        sending = sending.then(send).catch(error => void raw.destroy(error))
      }
      const unsubscribe = tail.onAppend(push)
      const heartbeat = setInterval(() => raw.write(':alive\n\n') && push(), heartbeatMs)
      raw.on('close', () => {
        unsubscribe()
        clearInterval(heartbeat)
      })
      push()
    },
  )
}

/** Of the named project, or of all that the caller may read; undefined is every event, those of no project too. */
function projectsOf(project: string | undefined, readable: 'all' | readonly string[]): readonly string[] | undefined {
  if (project === undefined) return readable === 'all' ? undefined : readable
  return readable === 'all' || readable.includes(project) ? [project] : []
}
