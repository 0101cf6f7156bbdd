/** Why a request is turned away that nothing is wrong with: too many rows wait, its time is too short, too many of its client's. */
export type ShedReason = 'queue' | 'deadline' | 'rate'

/** A request that cannot be answered with a prediction: its sentence reaches the client as `{"error": …}`. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number
  /** Of a request that is turned away because there is too much to do: why, and when it may be tried again, in whole seconds. */
  readonly shed: { readonly reason: ShedReason; readonly retryAfterS: number } | undefined

  constructor(status: number, message: string, shed?: RequestError['shed']) {
    super(message)
    this.status = status
    this.shed = shed
  }
}

/** The sender can mend it: 400, as the protocol wants. */
export const badRequest = (message: string): RequestError => new RequestError(400, message)

/** Not now: the client may come again after so many milliseconds. */
export const turnedAway = (reason: ShedReason, message: string, afterMs: number): RequestError =>
  new RequestError(reason === 'rate' ? 429 : 503, message, {
    reason,
    retryAfterS: Math.max(1, Math.ceil(afterMs / 1_000)),
  })
