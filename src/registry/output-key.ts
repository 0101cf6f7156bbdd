/** The name of one value of an output in a flat record: `probability`, or `probabilities.1` where there are several. */
export const outputKey = (output: string, width: number, column: number): string =>
  width === 1 ? output : `${output}.${column}`
