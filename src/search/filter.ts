export const operators = [
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'LIKE',
  'ILIKE',
  'RLIKE',
  'IN',
  'NOT IN',
  'IS NULL',
  'IS NOT NULL',
] as const

export type Operator = (typeof operators)[number]

/** One comparison. Entity and key are canonical: aliases are resolved. `value` is absent for IS [NOT] NULL only. */
export interface Condition {
  readonly entity: string
  readonly key: string
  readonly operator: Operator
  readonly value?: number | string | readonly string[]
}

/** What a filter says, as a tree. Lists hold two parts or more. */
export type Filter = Condition | { readonly and: readonly Filter[] } | { readonly or: readonly Filter[] }

/** Longest filter or order item, in UTF-16 units: a list of 1,000 run ids fits. */
export const textMax = 64_000
/** Parentheses within parentheses. */
export const depthMax = 50
/** Each becomes a subquery; SQLite takes expressions up to a depth of 1,000. */
export const conditionsMax = 200
/** Longest pattern of LIKE, ILIKE and RLIKE. */
export const patternMax = 2_000
