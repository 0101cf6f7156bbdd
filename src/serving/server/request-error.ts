/** A request that cannot be answered with a prediction: its sentence reaches the client as `{"error": …}`. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The sender can mend it: 400, as the protocol wants. */
export const badRequest = (message: string): RequestError => new RequestError(400, message)
