/** Who wrote a segment of the prediction log, and when. A dead writer's open segment is as good as closed. */
export interface SegmentOwner {
  /** Milliseconds since the epoch: names sort by it. */
  readonly startedAt: number
  readonly pid: number
  readonly ticks: number
  readonly counter: number
}

/** What the name of a segment ends with while it is written to. */
export const openSuffix = '.open'

/** Stands in lines of predictions whose ids somebody else has made, and may say again. */
export const givenMark = '"given":true'

export const segmentName = ({ startedAt, pid, ticks, counter }: SegmentOwner): string =>
  `${String(startedAt).padStart(14, '0')}-${pid}-${ticks}-${counter}.ndjson`

/** Undefined for a file that is no segment. */
export function parseSegmentName(file: string): (SegmentOwner & { readonly isOpen: boolean }) | undefined {
  const parts = /^(\d{14})-(\d+)-(\d+)-(\d+)\.ndjson(\.open)?$/.exec(file)
  if (!parts) return undefined
  const [startedAt, pid, ticks, counter] = parts.slice(1, 5).map(Number) as [number, number, number, number]
  return { startedAt, pid, ticks, counter, isOpen: parts[5] !== undefined }
}
