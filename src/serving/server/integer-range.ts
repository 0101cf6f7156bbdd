/** What an integer of each datatype of the Open Inference Protocol may be; those of 64 bits as far as a number tells them apart. */
const ranges: Readonly<Record<string, readonly [least: number, most: number]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap(bits => [
    [`INT${bits}`, [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]],
    [`UINT${bits}`, [0, 2 ** bits - 1]],
  ]),
)

/** Where the first number stands that is none of the integers of a datatype; −1 when there is none, and of other datatypes. */
export function firstOutOfRange(elements: ArrayLike<unknown>, datatype: string): number {
  const range = ranges[datatype]
  if (!range) return -1
  const [least, most] = range
  for (let at = 0; at < elements.length; at++) {
    const element = elements[at]
    if (typeof element !== 'number' && typeof element !== 'bigint') continue
    const value = Number(element)
    // What is no number is missing, which is another matter.
    if (!Number.isNaN(value) && !(Number.isInteger(value) && value >= least && value <= most)) return at
  }
  return -1
}
