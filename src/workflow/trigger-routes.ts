import type { z } from 'zod'
import type { App } from '#http'
import type { Millis } from '#kernel/clock.ts'
import type { Trigger, TriggerKey } from './trigger-store.ts'
import {
  DeliveryAnswer,
  HookParams,
  HookSecret,
  TickPage,
  TickQuery,
  TriggerList,
  TriggerParams,
  TriggerWire,
} from './trigger-wire.ts'
import type { TriggerDoor } from './triggers.ts'
import { ProjectParams } from './wire.ts'

const tags = ['workflow']
const one = '/api/v1/projects/:project/pipelines/:pipeline/triggers/:trigger'
const deliveryBytesMax = 4 * 1024 * 1024

export function triggerRoutes(app: App, triggers: TriggerDoor): void {
  app.get(
    '/api/v1/projects/:project/triggers',
    {
      schema: {
        summary: 'What starts the pipelines of a project',
        tags,
        params: ProjectParams,
        response: { 200: TriggerList },
      },
    },
    async ({ params }) => ({ items: (await triggers.list(params.project)).map(toWire) }),
  )

  app.get(
    `${one}/ticks`,
    {
      schema: {
        summary: 'What became of the ticks of a trigger, last first',
        tags,
        params: TriggerParams,
        querystring: TickQuery,
        response: { 200: TickPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await triggers.ticks(keyOf(params), query)
      return { ...rest, items: items.map(tick => ({ ...tick, at: tick.at as Millis })) }
    },
  )

  app.post(
    `${one}/pause`,
    { schema: { summary: 'Pause a trigger', tags, params: TriggerParams, response: { 200: TriggerWire } } },
    async ({ params, actor }) => toWire(await triggers.pause(keyOf(params), actor)),
  )

  app.post(
    `${one}/unpause`,
    { schema: { summary: 'Let a trigger go on', tags, params: TriggerParams, response: { 200: TriggerWire } } },
    async ({ params }) => toWire(await triggers.unpause(keyOf(params))),
  )

  app.post(
    `${one}/secret`,
    {
      schema: {
        summary: 'Make a new secret for a webhook; it is shown this once',
        tags,
        params: TriggerParams,
        response: { 200: HookSecret },
      },
    },
    async ({ params }) => {
      const { hook } = await triggers.find(keyOf(params))
      return { secret: await triggers.renewSecret(keyOf(params)), path: pathOf(hook ?? '') }
    },
  )
  hookRoute(app, triggers)
}

/** In a scope of its own: what is signed are the bytes of the body, whatever they are. */
function hookRoute(app: App, triggers: TriggerDoor): void {
  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    ;(scope as App).post(
      '/api/v1/hooks/:hook',
      {
        bodyLimit: deliveryBytesMax,
        // Whoever knows the secret may: the signature is the credential.
        config: { role: 'none' },
        schema: {
          summary: 'Deliver a webhook, signed as GitHub, GitLab or Gitea sign',
          tags,
          params: HookParams,
          response: { 202: DeliveryAnswer },
        },
      },
      async ({ params, headers, body }, reply) => {
        const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
        const { run, skipped } = await triggers.deliver(params.hook, { headers, body: bytes })
        return reply.code(202).send({ ...(run !== undefined && { run }), ...(skipped !== undefined && { skipped }) })
      },
    )
  })
}

const keyOf = ({ project, pipeline, trigger }: z.output<typeof TriggerParams>): TriggerKey => ({
  project,
  pipeline,
  name: trigger,
})

const pathOf = (hook: string): string => `/api/v1/hooks/${hook}`

const toWire = ({ pipeline, name, spec, nextAt, pending, paused, last, hook, hasSecret }: Trigger) => ({
  pipeline,
  name,
  spec: { ...spec },
  ...(nextAt !== undefined && { nextAt: nextAt as Millis }),
  ...(pending && { pending: Object.keys(pending.sources) }),
  ...(paused && { paused: { ...paused, at: paused.at as Millis } }),
  ...(last && { last: { ...last, at: last.at as Millis } }),
  ...(hook !== undefined && { hook: { path: pathOf(hook), hasSecret } }),
})
