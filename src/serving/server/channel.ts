/** Questions and answers between two processes of one model server, over the channel that Node gives a child. */
export interface Channel {
  /** Rejects when the other process ends first, or cannot answer. */
  ask(question: string, input?: unknown): Promise<unknown>
}

/** A child, or in it `process`. */
interface End {
  readonly connected: boolean
  send?(message: object, done: (error: Error | null) => void): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
}

type Told =
  | { readonly id: number; readonly question: string; readonly input?: unknown }
  | { readonly id: number; readonly answer?: unknown; readonly error?: string }

/** @param answer What this process says to a question of the other. */
export function openChannel(end: End, answer: (question: string, input: unknown) => unknown): Channel {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0

  const send = (message: Told, failed: (error: Error) => void): void => {
    if (!end.connected) return failed(new Error('The other process has ended.'))
    end.send!(message, error => {
      if (error) failed(error)
    })
  }
  // Whoever asked learns of the end of this process by itself.
  const tell = (message: Told): void => send(message, () => {})

  end.on('message', message => {
    // What is handed over with a socket is a text, and is not for here.
    if (typeof message !== 'object' || message === null) return
    const told = message as Told
    if ('question' in told) {
      void Promise.try(answer, told.question, told.input).then(
        said => tell({ id: told.id, answer: said }),
        (error: unknown) => tell({ id: told.id, error: String(error) }),
      )
      return
    }
    const asked = waiting.get(told.id)
    waiting.delete(told.id)
    if (told.error === undefined) asked?.resolve(told.answer)
    else asked?.reject(new Error(told.error))
  })
  end.on('disconnect', () => {
    for (const { reject } of waiting.values()) reject(new Error('The other process has ended.'))
    waiting.clear()
  })

  return {
    ask(question, input) {
      const asked = Promise.withResolvers<unknown>()
      const id = ++last
      waiting.set(id, asked)
      send({ id, question, input }, error => {
        waiting.delete(id)
        asked.reject(error)
      })
      return asked.promise
    },
  }
}
