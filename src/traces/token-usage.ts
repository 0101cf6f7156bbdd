/** Tokens that a language model read and wrote. */
export type TokenUsage = Readonly<Record<string, number>>

/** A span as far as it is counted. */
export interface UsageNode {
  readonly id: string
  readonly parentId?: string | undefined
  readonly usage?: TokenUsage | undefined
  /** In US dollars. */
  readonly cost?: TokenUsage | undefined
}

const always = ['input_tokens', 'output_tokens', 'total_tokens']
const costs = ['input_cost', 'output_cost', 'total_cost']
const sometimes = ['cache_read_input_tokens', 'cache_creation_input_tokens', 'cache_creation_input_tokens_above_1hr']

/** What attribute `mlflow.chat.tokenUsage` says; undefined when it says nothing that can be added. */
export function usageOf(value: unknown): TokenUsage | undefined {
  const said = typeof value === 'string' ? parsed(value) : value
  if (said === null || typeof said !== 'object') return undefined
  const counts = [...always, ...sometimes].flatMap(key => {
    const count = (said as Record<string, unknown>)[key]
    return typeof count === 'number' && Number.isFinite(count) ? [[key, count] as const] : []
  })
  return counts.length === 0 ? undefined : Object.fromEntries(counts)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The tokens of a whole trace. A span's count includes those below it (agents report what their calls used), so only
 * the topmost counts are added.
 */
export const totalUsage = (nodes: readonly UsageNode[]): TokenUsage | undefined => total(nodes, always, sometimes)

/** What a whole trace cost, added up as its tokens are. */
export const totalCost = (nodes: readonly UsageNode[]): TokenUsage | undefined =>
  total(
    nodes.map(node => ({ ...node, usage: node.cost })),
    costs,
    [],
  )

function total(
  nodes: readonly UsageNode[],
  present: readonly string[],
  optional: readonly string[],
): TokenUsage | undefined {
  const isCovered = coverage(nodes)
  const top = nodes.filter(node => node.usage && !isCovered(node))
  if (top.length === 0) return undefined
  const sum = (key: string): number => top.reduce((so, { usage }) => so + (usage![key] ?? 0), 0)
  const also = optional.filter(key => top.some(({ usage }) => usage![key] !== undefined))
  return Object.fromEntries([...present, ...also].map(key => [key, sum(key)]))
}

/** Walks up from a span until it is known. Of a circle of parents, which only a broken sender makes, none is above. */
function coverage(nodes: readonly UsageNode[]): (node: UsageNode) => boolean {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const covers = new Map<string, boolean>()
  const parentOf = ({ parentId }: UsageNode): UsageNode | undefined =>
    parentId === undefined ? undefined : byId.get(parentId)
  const covered = (from: UsageNode): boolean => {
    const path = new Set<string>()
    let node: UsageNode | undefined = from
    while (node && !node.usage && !covers.has(node.id) && !path.has(node.id)) {
      path.add(node.id)
      node = parentOf(node)
    }
    const found = node !== undefined && (node.usage !== undefined || covers.get(node.id) === true)
    for (const id of path) covers.set(id, found)
    return found
  }
  return node => {
    const above = parentOf(node)
    return above !== undefined && above.id !== node.id && covered(above)
  }
}
