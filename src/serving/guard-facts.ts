/** What a canary and the live revision did in one minute; requests that named their revision are not counted. */
export interface GuardMinute {
  /** When it began. */
  readonly minute: number
  readonly canaryRequests: number
  readonly canaryErrors: number
  readonly controlRequests: number
  readonly controlErrors: number
  /** Failures of the canary because an output was no number. */
  readonly canaryInvalid: number
  /** Answers that were slow (`slow.ts`). */
  readonly canarySlow: number
  readonly controlSlow: number
  /** Answers that took three times as long as is promised. */
  readonly canaryLate: number
  readonly controlLate: number
  /** Percent of requests that the canary had when the minute ended. */
  readonly weight: number
}

/** What the project promises of a deployment's answers. */
export interface Promised {
  /** Share of requests that do not fail. */
  readonly availability: number
  /** What 99 of 100 answers take at most. */
  readonly latencyMs: number
}

export interface GuardFacts {
  readonly now: number
  /** Oldest first. */
  readonly minutes: readonly GuardMinute[]
  /** Failures of the canary since its last success. */
  readonly canaryStreak: number
  /** How often the model server has crashed since the canary began. */
  readonly crashes: number
  readonly canaryP95Ms: number | undefined
  readonly controlP95Ms: number | undefined
  /** What an answer may take without being slow. */
  readonly slowMs: number
  readonly promise: Promised
}
