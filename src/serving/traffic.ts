/** What may take a share of a deployment's requests. */
export interface Weighted {
  /** Not negative; shares are relative to the sum. */
  readonly weight: number
}

/**
 * The revision that answers: a text, hashed to a point on the line of weights. The same text always meets the same
 * revision, no state is kept, and over many texts each revision gets its share. Undefined when nothing has weight.
 */
export function pickRevision<Revision extends Weighted>(
  revisions: readonly Revision[],
  text: string,
): Revision | undefined {
  // Most of the time there is one, and nothing to be drawn.
  if (revisions.length === 1 && revisions[0]!.weight > 0) return revisions[0]
  const total = revisions.reduce((sum, { weight }) => sum + weight, 0)
  let point = hashToUnit(text) * total
  for (const revision of revisions) {
    point -= revision.weight
    if (point < 0) return revision
  }
  return undefined
}

/**
 * What a unit is hashed as while these revisions share the traffic: the next canary meets others first. As the weight of the
 * last revision grows its units stay, and more come.
 */
export const saltedUnit = (revisions: readonly (Weighted & { readonly id: string })[], unit: string): string =>
  `${revisions.findLast(({ weight }) => weight > 0)?.id ?? ''} ${unit}`

/** A text as a number in [0, 1): FNV-1a with the finaliser of MurmurHash3, so that every bit counts. */
export function hashToUnit(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296
}
