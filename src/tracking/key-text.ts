/** A param or a tag. */
export interface KeyText {
  readonly key: string
  readonly value: string
}
