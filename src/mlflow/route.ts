import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Permission, Resource } from '#access'
import type { App } from '#http'
import { readInput } from './input.ts'

/** Who asks, for handlers whose answer depends on it. */
export type Caller = Pick<
  FastifyRequest,
  'actor' | 'caller' | 'granted' | 'mayRead' | 'permit' | 'readable' | 'workspace' | 'headers' | 'host' | 'protocol'
>

export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Who may make a call: anyone who is known, an administrator, or who has a permission on what the input names. */
type May<Input> =
  | 'anyone'
  | 'admin'
  | readonly [Permission, (input: Input, caller: Caller) => Resource | Promise<Resource>]

/**
 * One call of MLflow's REST API. `path` is below `/api/` and is answered below `/ajax-api/` too. There is no default of
 * `may`: where it is `anyone`, the handler leaves out what the caller may not read.
 */
export interface MlflowCall<Schema extends z.ZodType> {
  readonly method: (typeof methods)[number]
  readonly path: `${'2.0' | '3.0'}/${string}`
  readonly input: Schema
  readonly may: May<z.output<Schema>>
  /** The answer as a JSON object; undefined fields are left out. A text is sent as it is: JSON made elsewhere. */
  handle(input: z.output<Schema>, caller: Caller): Promise<object | string>
  /** What the call made: the caller gets `MANAGE` on it. */
  readonly makes?: (answer: object, input: z.output<Schema>, caller: Caller) => Thing | Promise<Thing>
  /** What the call renamed, or ended when it has no new name: grants follow it. */
  readonly moves?: (input: z.output<Schema>, caller: Caller) => Moved | Promise<Moved>
}

type Thing = Required<Pick<Resource, 'kind' | 'id'>>
type Moved = Thing & { readonly to?: string }

export type Declare = <Schema extends z.ZodType>(call: MlflowCall<Schema>) => void

/** Makes the function by which each file of this folder declares its calls; `declared` collects url and methods. */
export const declareOn =
  (app: App, declared: Map<string, string[]>): Declare =>
  ({ method, path, input, may, handle, makes, moves }) => {
    for (const prefix of ['/api', '/ajax-api']) {
      const url = `${prefix}/${path}`
      declared.set(url, [...(declared.get(url) ?? []), method])
      app.route({
        method,
        url,
        // What the input names decides, below; to get here takes a known caller.
        config:
          may === 'admin'
            ? { role: 'admin', project: 'platform', may }
            : { role: 'viewer', project: 'caller', may: typeof may === 'string' ? may : may[0] },
        schema: { hide: true } as object,
        async handler(request, reply) {
          const said = readInput(input, request)
          const resource =
            typeof may === 'string' ? undefined : await request.permit(may[0], resourceOf(may, said, request))
          const body = await handle(said, request)
          if (makes && resource) await request.own({ ...resource, ...(await makes(body as object, said, request)) })
          if (moves) await request.regrant(await moves(said, request))
          return answer(body, reply)
        },
      })
    }
  }

const resourceOf = async <Input>(
  [, find]: Exclude<May<Input>, string>,
  said: Input,
  caller: Caller,
): Promise<Resource> => find(said, caller)

/** Routes of this folder have no response schema: the plain serializer is the fast one. */
const answer = (body: object | string, reply: FastifyReply): FastifyReply =>
  reply
    .type('application/json')
    .serializer(String)
    .send(typeof body === 'string' ? body : JSON.stringify(body))
