import type { Check } from './check.ts'

/** What is cheaper than this, in milliseconds, no machine is short of, and a clock hardly tells apart. */
const cheapMs = 0.1

/**
 * Whether a model costs little enough beside the one that it is to replace, both as this machine has measured them.
 * @param most How many times as much a row may take.
 */
export function judgeCost(rowMs: number | undefined, championMs: number | undefined, most: number): Check {
  const name = 'cost'
  if (rowMs === undefined || championMs === undefined)
    return { name, passed: true, found: 'What a row takes has not been measured of both: nothing is compared.' }
  const times = rowMs / championMs
  const found = `A row takes ${shown(rowMs)} ms, ${shown(times)} times as long as with the champion`
  if (times <= most) return { name, passed: true, found: `${found}.` }
  return rowMs <= cheapMs
    ? { name, passed: true, found: `${found}; up to ${cheapMs} ms any is let through.` }
    : { name, passed: false, found: `${found}; ${most} times are allowed.` }
}

const shown = (value: number): number => Number(value.toPrecision(3))
