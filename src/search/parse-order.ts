import { invalid } from '#kernel/error.ts'
import { allowedKeys } from './language.ts'
import type { Language } from './language.ts'
import { createReader } from './reader.ts'

/** One term of an order. Entity and key are canonical. */
export interface Order {
  readonly entity: string
  readonly key: string
  readonly descending: boolean
}

/** Each becomes a column of the search, or a join. */
export const ordersMax = 30

/** Reads `identifier [ASC|DESC]` items, ascending unless said. Throws `invalid`. A field's second mention is ignored. */
export function parseOrder(items: readonly string[], language: Language): readonly Order[] {
  if (items.length > ordersMax)
    throw invalid('The order has too many terms.', [
      { field: 'order_by', value: items.length, allowed: `at most ${ordersMax}` },
    ])
  const orders = new Map<string, Order>()
  for (const item of items) {
    const order = parseItem(item, language)
    const name = JSON.stringify([order.entity, order.key])
    if (!orders.has(name)) orders.set(name, order)
  }
  return [...orders.values()]
}

function parseItem(text: string, language: Language): Order {
  const reader = createReader(text, { what: language.what, field: 'order_by' })
  const { entity, key, field, token } = reader.identifier(language)
  if (field.orderable !== true) {
    throw reader.problem(
      token,
      `a key that orders ${language.what}: ${allowedKeys(language, entity, allowed => allowed.orderable === true)}`,
    )
  }
  const descending = reader.word('DESC')
  if (!descending) reader.word('ASC')
  reader.end('ASC, DESC or the end')
  return { entity, key, descending }
}
