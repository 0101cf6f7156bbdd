const unit = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

export const sizePattern = /^\d+(?:\.\d+)?(?:KiB|MiB|GiB)$/

/** `512MiB`, `1.5GiB` in bytes. Throws RangeError on other text, which wire schemas never let through. */
export function bytesOf(text: string): number {
  const parts = /^([\d.]+)(KiB|MiB|GiB)$/.exec(text)
  if (!parts) throw new RangeError(`${text} is not a size such as 512MiB or 1.5GiB.`)
  return Math.round(Number(parts[1]) * unit[parts[2] as keyof typeof unit])
}
