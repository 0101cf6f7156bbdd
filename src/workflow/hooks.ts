import { randomBytes, randomUUID } from 'node:crypto'
import { conflict, invalid, notFound, TrainyardError } from '#kernel/error.ts'
import { matches } from './filter.ts'
import { fire, type FireDeps } from './fire.ts'
import { deliveryOf, type Headers } from './hook-signature.ts'
import { causes } from './trigger.ts'
import type { Tick, Trigger, TriggerKey } from './trigger-store.ts'

/** Deliveries of forges and programs that start pipelines. */
export interface Hooks {
  /**
   * Starts the run of a delivery; the same delivery again answers what became of it. Throws `not_found` for an unknown
   * address, `unauthorized` without a right signature, `invalid` for a body that is no JSON or a pipeline that cannot run.
   */
  deliver(hook: string, delivery: { headers: Headers; body: Buffer }): Promise<Pick<Tick, 'run' | 'skipped'>>
  /** Makes a new secret, instead of the one there was, and answers it: this once. Throws `not_found` and `conflict`. */
  renewSecret(key: TriggerKey): Promise<string>
}

interface Deps extends FireDeps {
  find(key: TriggerKey): Promise<Trigger>
}

const idCharactersMax = 200

export function createHooks(deps: Deps): Hooks {
  const { store } = deps
  return {
    async deliver(hook, { headers, body }) {
      const found = await store.findHook(hook)
      if (!found) throw notFound('hook', hook)
      const { trigger, secret } = found
      const delivery = secret === undefined ? undefined : deliveryOf(headers, body, secret)
      if (!delivery)
        throw new TrainyardError('unauthorized', 'The delivery is not signed with the secret of this hook.')
      const why = whyNot(trigger, delivery.event, body)
      if (why !== undefined) return { skipped: why }
      const key = (delivery.id ?? randomUUID()).slice(0, idCharactersMax)
      const what = delivery.event === undefined ? 'A webhook was called.' : `A webhook was called: ${delivery.event}.`
      const [tick] = await fire(deps, trigger, { requests: [{ key, cause: causes.delivery(what, key) }] })
      if (tick?.error !== undefined) throw invalid(tick.error)
      return tick ?? (await store.findTick(trigger, key)) ?? {}
    },

    async renewSecret(key) {
      const { spec } = await deps.find(key)
      const secret = randomBytes(32).toString('base64url')
      if (await store.setSecret(key, secret)) return secret
      throw conflict(`Trigger ${key.name} of ${key.pipeline} is no webhook.`, { on: spec.on, allowed: ['webhook'] })
    },
  }
}

/** Why a delivery that is rightly signed starts nothing. */
function whyNot({ spec, paused }: Trigger, event: string | undefined, body: Buffer): string | undefined {
  if (spec.on !== 'webhook') return 'The trigger is no webhook any more.'
  if (paused) return 'The trigger is paused.'
  if (event === 'ping') return 'A ping starts nothing.'
  if (spec.events && !spec.events.includes(event ?? '')) return `The trigger waits for ${spec.events.join(', ')}.`
  return spec.where === undefined || matches(spec.where, dataOf(body))
    ? undefined
    : 'The data is not what the trigger waits for.'
}

/** JSON, as it is or as the field `payload` of a form. */
function dataOf(body: Buffer): unknown {
  const text = body.toString()
  try {
    return JSON.parse(text.startsWith('payload=') ? (new URLSearchParams(text).get('payload') ?? '') : text)
  } catch {
    throw invalid('The delivery holds no JSON.', [{ field: '', value: text.slice(0, 40), allowed: 'JSON' }])
  }
}
