import { z } from 'zod'

/**
 * What a shadow answered to copies of requests in a second or so, beside the revision that answered them: a line of the
 * prediction log's segments.
 */
export const ShadowLine = z.object({
  /** The revision that only copies met. */
  shadow: z.string(),
  /** The revision that answered. */
  against: z.string(),
  deployment: z.string(),
  rows: z.int(),
  agreed: z.int(),
  /** Copies that the shadow failed at, and those that were dropped because it was behind. */
  errors: z.int(),
  dropped: z.int(),
  differenceSum: z.number(),
  differenceMax: z.number(),
  /** Requests by bucket of latency ([latency.ts](latency.ts)): bind and run, of the shadow and of the other. */
  latency: z.record(z.string(), z.int()),
  againstLatency: z.record(z.string(), z.int()),
  /** Rows by bucket of their score ([score-bucket.ts](score-bucket.ts)), of outputs that both have. */
  scores: z.record(z.string(), z.int()).default({}),
  againstScores: z.record(z.string(), z.int()).default({}),
})
export type ShadowLine = z.output<typeof ShadowLine>

const start = '{"shadow":'

export const shadowLine = (line: ShadowLine): string => {
  const { shadow, ...rest } = line
  return `${start}${JSON.stringify(shadow)},${JSON.stringify(rest).slice(1)}\n`
}

/** The lines of a segment that are about shadows; what cannot be read as one is passed over. */
export function shadowLines(segment: Buffer): readonly ShadowLine[] {
  const lines: ShadowLine[] = []
  for (let at = segment.indexOf(start); at >= 0; at = segment.indexOf(start, at + 1)) {
    const end = segment.indexOf('\n', at)
    // Anywhere but where a line begins it is part of somebody's text.
    if ((at > 0 && segment[at - 1] !== 10) || end < 0) continue
    const line = parsed(segment.toString('utf8', at, end))
    if (line) lines.push(line)
  }
  return lines
}

function parsed(text: string): ShadowLine | undefined {
  try {
    return ShadowLine.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
