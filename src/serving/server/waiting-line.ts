/** A request that waits for its turn. */
export interface InLine {
  readonly rows: number
  /** It gives way to those that are not. */
  readonly isBatch: boolean
}

/** Requests in the order of their turns: those of batches behind all others, and each kind as it has come. */
export interface WaitingLine<Request extends InLine> {
  readonly rows: number
  readonly requests: number
  /** Rows before one that comes now. */
  rowsBefore(isBatch: boolean): number
  add(request: Request): void
  /** The first ones, with as many rows together, or the first one alone. */
  take(rowsMax: number): Request[]
  /** Takes out those of batches that came last, until so many rows have gone; none when they would not be enough. */
  giveWay(rows: number): readonly Request[]
}

export function createWaitingLine<Request extends InLine>(): WaitingLine<Request> {
  const line: Request[] = []
  let [rows, batchRows, batches] = [0, 0, 0]

  function count({ rows: own, isBatch }: Request, sign: 1 | -1): void {
    rows += sign * own
    if (!isBatch) return
    batches += sign
    batchRows += sign * own
  }

  return {
    get rows() {
      return rows
    },
    get requests() {
      return line.length
    },
    rowsBefore: isBatch => (isBatch ? rows : rows - batchRows),
    add(request) {
      // Most of the time there are no batches, and nothing to go before.
      if (request.isBatch || batches === 0) line.push(request)
      else line.splice(line.length - batches, 0, request)
      count(request, 1)
    },
    take(rowsMax) {
      let taken = 1
      for (let sum = line[0]!.rows; taken < line.length; taken++) {
        sum += line[taken]!.rows
        if (sum > rowsMax) break
      }
      const first = line.splice(0, taken)
      for (const request of first) count(request, -1)
      return first
    },
    giveWay(needed) {
      if (batchRows < needed) return []
      const gone: Request[] = []
      for (let freed = 0; freed < needed; freed += gone.at(-1)!.rows) gone.push(line.pop()!)
      for (const request of gone) count(request, -1)
      return gone
    },
  }
}
