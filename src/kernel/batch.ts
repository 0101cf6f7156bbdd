interface Waiting<Item, Result> {
  readonly item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Groups what is asked for at the same time into one call: while a batch is being written the next one gathers. A batch
 * that fails is tried again one by one, so that one bad item does not take its neighbours with it. A batch weighs
 * `weightMax` at most, or is a single item; `lanes` batches are written at the same time.
 */
export function batched<Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
  weightMax: number,
  weightOf: (item: Item) => number = () => 1,
  lanes = 1,
): (item: Item) => Promise<Result> {
  const queue: Waiting<Item, Result>[] = []
  let writing = 0
  let isBeginning = false

  function fitting(waiting: readonly Waiting<Item, Result>[]): number {
    let weight = 0
    const over = waiting.findIndex(({ item }) => (weight += weightOf(item)) > weightMax)
    return over === -1 ? waiting.length : Math.max(1, over)
  }

  async function writeAll(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await write(batch.map(({ item }) => item))
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!)
    } catch (error) {
      if (batch.length === 1) batch[0]!.reject(error)
      else for (const one of batch) await writeAll([one])
    }
  }

  async function flush(): Promise<void> {
    writing++
    while (queue.length > 0) {
      await writeAll(queue.splice(0, fitting(queue)))
      // Where writing waits for nothing, and each answer brings the next item, nobody else would ever have a turn.
      if (queue.length > 0) await new Promise(resolve => setImmediate(resolve))
    }
    writing--
  }

  /** On the next turn, so that results which arrive in this one go together; once, so that a turn ends. */
  function begin(): void {
    if (isBeginning || writing >= lanes) return
    isBeginning = true
    setImmediate(() => {
      isBeginning = false
      while (queue.length > 0 && writing < lanes) void flush()
    })
  }

  return item =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject })
      begin()
    })
}
