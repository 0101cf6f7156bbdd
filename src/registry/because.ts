/** Who moves a version, and why. */
export interface Because {
  readonly actor: string
  readonly reason: string
}
