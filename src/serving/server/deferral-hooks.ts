import type { DeferralRule, DeferralsFile } from '../deferrals-file.ts'
import type { DeferralFiles, DeferredAnswer, DueHook } from './deferral-files.ts'

/** Larger answers are fetched. */
const responseBytesMax = 256 * 1024
const atOnce = 8

export interface DeferralHookParts {
  readonly files: DeferralFiles
  rule(deployment: string): DeferralRule | undefined
  targets(): DeferralsFile['targets']
  locationOf(answer: Pick<DeferredAnswer, 'deployment' | 'id'>): string
  warn(sentence: string): void
}

/**
 * Tells receivers of answers, as Standard Webhooks 1.0 are: at least once, under the request's id, and for a day where they
 * do not take it. Answers what carries out those that are due.
 */
export function createDeferralHooks(parts: DeferralHookParts): () => Promise<void> {
  const { files, warn } = parts

  async function send(hook: DueHook): Promise<void> {
    const { createGuardedPost, forADay, signatureOf, signingKey } = await import('#outbound/posting.ts')
    const { id, deployment, since } = hook
    const [answer, webhook] = [await files.answer(deployment, id), parts.rule(deployment)?.webhook]
    // The answer has been swept away, or nobody wants to know any more.
    if (!answer || !webhook) return files.doneHook(id)
    const body = JSON.stringify(messageOf(answer, parts.locationOf(answer)))
    const seconds = String(Math.floor(Date.now() / 1_000))
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': seconds,
      'webhook-signature': signatureOf({ id, seconds, body }, signingKey(webhook.key)),
    }
    const heard = await createGuardedPost({ targets: parts.targets() })
      .post(webhook.url, { headers, body })
      .catch((error: Error) => ({ status: undefined, text: error.message, retryAfter: undefined }))
    if (heard.status !== undefined && heard.status >= 200 && heard.status < 300) return files.doneHook(id)
    const attempts = hook.attempts + 1
    const now = Date.now()
    const pauseMs = forADay(Math.random)({ attempts, createdAt: since as never }, heard, now as never)
    if (pauseMs !== undefined) return files.putHook({ ...hook, attempts, nextAt: now + pauseMs })
    warn(`The webhook of ${deployment} did not take ${id}: ${heard.status ?? ''} ${heard.text.slice(0, 200)}`)
    await files.doneHook(id)
  }

  return async () => {
    const due = await files.dueHooks(Date.now())
    await Promise.all(due.slice(0, atOnce).map(send))
  }
}

function messageOf({ id, deployment, status, type, body, acceptedAt, answeredAt }: DeferredAnswer, location: string) {
  const bytes = Buffer.from(body, 'base64')
  const isShown = type.startsWith('application/json') && bytes.length <= responseBytesMax
  return {
    type: 'prediction.answered',
    timestamp: new Date(answeredAt).toISOString(),
    data: {
      id,
      deployment,
      location,
      status,
      accepted_at: acceptedAt,
      answered_at: answeredAt,
      ...(isShown && { response: JSON.parse(bytes.toString()) as unknown }),
    },
  }
}
