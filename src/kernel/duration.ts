const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const durationPattern = /^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/

/** `90s`, `10m`, `1.5h`, `30d` in milliseconds. Throws RangeError on other text, which wire schemas never let through. */
export function durationMs(text: string): number {
  const parts = /^([\d.]+)(ms|s|m|h|d)$/.exec(text)
  if (!parts) throw new RangeError(`${text} is not a duration such as 90s, 10m, 1.5h or 30d.`)
  return Number(parts[1]) * unit[parts[2] as keyof typeof unit]
}
