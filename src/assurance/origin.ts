/** What a version was made from, for its card. */
export interface Origin {
  /** Labels of the data that it was made from. */
  readonly data: readonly string[]
  readonly params: Readonly<Record<string, string>>
  /** Latest values of what its run has logged, when a client registered it; NaN among them. */
  readonly metrics: Readonly<Record<string, number>>
  /** The commit that the client said it was trained from. */
  readonly commit?: string | undefined
}
