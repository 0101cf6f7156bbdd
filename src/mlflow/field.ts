import { z } from 'zod'
import { int64Of, isInt64 } from '#kernel/int64.ts'

/**
 * Fields of MLflow's requests, after what its servers accept (protobuf's JSON mapping, loosely): whole numbers and
 * ids may come as numbers or as text, doubles as `"NaN"` and `"Infinity"`, booleans as text, one value for a list of one.
 */

const decimal = z
  .string()
  .regex(/^-?\d{1,19}$/)
  .transform(Number)

/** A whole number within ±2^53. */
export const int64 = z.union([z.int(), decimal.pipe(z.int())], 'a whole number within ±2^53')

/** A whole number of 64 bits, to its last digit: what steps are, which some take from a clock of nanoseconds. */
export const step = z.union([z.int(), z.string().refine(isInt64).transform(int64Of)], 'a whole number of 64 bits')

const special = { NaN, Infinity, '-Infinity': -Infinity } as const

/** A double; NaN and the infinities are texts in JSON, and finite numbers may be. */
export const double = z.union(
  [
    z.number(),
    z.enum(['NaN', 'Infinity', '-Infinity']).transform(text => special[text]),
    z
      .string()
      .regex(/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i)
      .transform(Number)
      .pipe(z.number()),
  ],
  'a number, "NaN", "Infinity" or "-Infinity"',
)

/** An identifier that older clients send as a number. */
export const id = z.union([z.string(), z.int().transform(String)], 'an id')

export const flag = z.union(
  [
    z.boolean(),
    z
      .string()
      .regex(/^(true|false)$/i)
      .transform(text => text.toLowerCase() === 'true'),
  ],
  'true or false',
)

/** So many fit one statement of either database, three values each. */
const itemsMax = 10_000

const list = (most: number) =>
  z.preprocess(
    value => (value === undefined || Array.isArray(value) ? (value ?? []) : [value]),
    z.array(z.unknown()).max(most, `at most ${most} items`),
  )

/** A repeated field: of one value the query string shows no list. Absent is empty. */
export const many = <Item extends z.ZodType>(item: Item, most = itemsMax) => list(most).pipe(z.array(item))

/**
 * The same of items that nearly always come as `isPlain` has them. A list of such is taken as it is: the schema takes a
 * microsecond for each field of each item.
 */
export function manyPlain<Item extends z.ZodType>(item: Item, isPlain: (value: unknown) => value is z.output<Item>) {
  const items = z.array(item)
  return list(itemsMax).transform((values, { issues }): z.output<Item>[] => {
    if (values.every(isPlain)) return values
    const { data, error } = items.safeParse(values)
    for (const { path, message } of error?.issues ?? []) issues.push({ code: 'custom', path, message, input: values })
    return data ?? []
  })
}

export const KeyValue = z.object({ key: z.string(), value: z.string().default('') })
