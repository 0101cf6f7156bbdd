import { createHmac, timingSafeEqual } from 'node:crypto'

/** What a forge says about a delivery in its headers, once it has shown that it knows the secret. */
export interface Delivery {
  /** The same when the delivery is repeated; absent when the sender gives none. */
  readonly id?: string
  /** The kind of delivery: `push`, `Push Hook`. */
  readonly event?: string
}

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const idHeaders = ['x-github-delivery', 'x-gitea-delivery', 'idempotency-key', 'x-gitlab-event-uuid', 'webhook-id']
const eventHeaders = ['x-github-event', 'x-gitea-event', 'x-gitlab-event']

/**
 * Reads the headers of a delivery, which must prove that its sender knows the secret: by the HMAC SHA-256 of the body,
 * in hex, as GitHub (`X-Hub-Signature-256: sha256=…`) and Gitea (`X-Gitea-Signature: …`) send it, or by the secret
 * itself, as GitLab does (`X-Gitlab-Token`). Undefined when it does not.
 */
export function deliveryOf(headers: Headers, body: Buffer, secret: string): Delivery | undefined {
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const signature = header('x-hub-signature-256')?.replace(/^sha256=/, '') ?? header('x-gitea-signature')
  const token = header('x-gitlab-token')
  const isProven =
    signature === undefined
      ? token !== undefined && isSame(token, secret)
      : isSame(signature.toLowerCase(), createHmac('sha256', secret).update(body).digest('hex'))
  if (!isProven) return undefined
  const id = idHeaders.map(header).find(value => value !== undefined)
  const event = eventHeaders.map(header).find(value => value !== undefined)
  return { ...(id !== undefined && { id }), ...(event !== undefined && { event }) }
}

/** In a time that tells nothing of where they differ. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}
