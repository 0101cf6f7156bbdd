import { canonicalJson } from '#kernel/json.ts'
import type { Journey } from './carry-run.ts'
import type { CarriedWebhook } from './record.ts'

const fields = ['name', 'description', 'url', 'events'] as const

/** Brings a webhook over. Saying it again is how it is found out whether it is there. */
export async function carryWebhook({ target, reporter }: Journey, webhook: CarriedWebhook): Promise<void> {
  const what = `webhook ${webhook.name}`
  reporter.count('webhooks', 1, 0)
  const here = await target.webhook(webhook)
  reporter.count('webhooks', 0, 1)
  const facts = (of: CarriedWebhook): Readonly<Record<string, unknown>> => ({ ...of, events: of.events.toSorted() })
  for (const field of fields) {
    const [one, other] = [canonicalJson(facts(webhook)[field]), canonicalJson(facts(here)[field])]
    if (one !== other) reporter.differ(what, `${field}: ${one} there, ${other} here`)
  }
  if (webhook.state === 'active' && here.state === 'disabled')
    reporter.leave(what, 'is disabled here: secrets cannot be read, so give it one and make it active')
}
