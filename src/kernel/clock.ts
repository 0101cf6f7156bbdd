/** Milliseconds since 1970-01-01T00:00:00Z. All instants in the database and on the wire are this. */
export type Millis = number & { readonly __unit: 'ms' }

/** Time is an argument. Only main.ts reads the wall clock; tests turn the hands. */
export interface Clock {
  now(): Millis
}

export const wallClock: Clock = { now: () => Date.now() as Millis }

/** A clock that stands still until it is advanced. */
export function manualClock(start = 0): Clock & { advance(ms: number): void } {
  let now = start
  return {
    now: () => now as Millis,
    advance: ms => {
      now += ms
    },
  }
}

/** `2015-03-01T18:00:00.000Z` for people and files; instants stay numbers everywhere else. */
export const isoInstant = (at: number): string => new Date(at).toISOString()
