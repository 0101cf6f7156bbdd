/** One thing that was tried on a bundle. */
export interface Check {
  readonly name: string
  readonly passed: boolean
  /** What was seen, as a sentence. */
  readonly found: string
}
