/** Edges point upstream: a task to the tasks it waits for. */
export type Graph = Readonly<Record<string, readonly string[]>>

/** One cycle as the names on it, the first repeated at the end; undefined when there is none. Unknown names are ignored. */
export function findCycle(graph: Graph): readonly string[] | undefined {
  const finished = new Set<string>()
  for (const start of Object.keys(graph)) {
    const cycle = walk(graph, start, finished)
    if (cycle) return cycle
  }
  return undefined
}

/** Depth-first with a stack of its own, so that a long chain cannot overflow the call stack. */
function walk(graph: Graph, start: string, finished: Set<string>): readonly string[] | undefined {
  const trail: { name: string; rest: string[] }[] = []
  const enter = (name: string): void =>
    void trail.push({ name, rest: Object.hasOwn(graph, name) ? [...graph[name]!] : [] })
  if (!finished.has(start)) enter(start)
  while (trail.length > 0) {
    const { name, rest } = trail.at(-1)!
    const next = rest.shift()
    if (next === undefined) {
      finished.add(name)
      trail.pop()
      continue
    }
    const position = trail.findIndex(step => step.name === next)
    if (position >= 0) return [...trail.slice(position).map(step => step.name), next]
    if (!finished.has(next)) enter(next)
  }
  return undefined
}
