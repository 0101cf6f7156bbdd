/** More that have no answer yet: the server is not keeping up, and nothing is learnt from asking on. */
const pendingMax = 2_000

export interface OpenLoop {
  /** So many have been sent. */
  readonly sent: number
  /** Resolves when all that was sent is answered. */
  stop(): Promise<void>
}

/** Asks as often as is said, evenly, whatever the answers take. `ask` does not reject. */
export function openLoop(ask: () => Promise<void>, perSecond: number): OpenLoop {
  let sent = 0
  const startedAt = performance.now()
  const pending = new Set<Promise<void>>()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000)
    for (; sent < due && pending.size < pendingMax; sent++) {
      const one = ask().finally(() => pending.delete(one))
      pending.add(one)
    }
  }, 2)
  return {
    get sent() {
      return sent
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
    },
  }
}
