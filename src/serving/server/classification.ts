import type { OutputColumn } from './runtime.ts'

/**
 * The classes of each row with the highest values, best first, as texts `value:index`; of equal values the lower index
 * first [Open Inference Protocol 2, classification]. More than there are is all of them.
 */
export function classified({ name, width, values }: OutputColumn, count: number): OutputColumn {
  const best = Math.min(count, width)
  const rows = values.length / width
  const texts = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (__, index) => ({ index, value: Number(values[row * width + index]) }))
      .toSorted((a, b) => b.value - a.value || a.index - b.index)
      .slice(0, best)
      .map(({ index, value }) => `${value}:${index}`),
  )
  return { name, datatype: 'BYTES', width: best, values: texts.flat() }
}
