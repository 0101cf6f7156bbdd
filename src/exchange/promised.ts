import { TrainyardError } from '#kernel/error.ts'

/** The error of bytes that are not what was promised; undefined when they are, and when nothing was. */
export const otherBytes = (what: string, promised: string | undefined, given: string): Error | undefined =>
  promised === undefined || promised === given
    ? undefined
    : new TrainyardError('unavailable', `The server gave other bytes for ${what} than it had promised.`, {
        promised,
        given,
      })
