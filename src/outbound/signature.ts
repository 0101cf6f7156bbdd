import { createHmac } from 'node:crypto'

/**
 * Says that a message is ours and not an old one said again: `v1,<HMAC-SHA256 in base64>` over id, seconds since 1970 and
 * body, as MLflow and Standard Webhooks both have it.
 */
export const signatureOf = (
  { id, seconds, body }: { readonly id: string; readonly seconds: string; readonly body: string },
  key: string | Uint8Array,
): string => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`

/** A key that begins with `whsec_` is base64 [Standard Webhooks 1.0]. */
export const signingKey = (key: string): string | Uint8Array =>
  key.startsWith('whsec_') ? Buffer.from(key.slice('whsec_'.length), 'base64') : key
