/** One step that may be taken from a world: who does what. A fault is what need not happen. */
export interface Step<World> {
  readonly name: string
  readonly isFault: boolean
  take(): Promise<World>
}

export interface Model<World> {
  readonly start: World
  /** The same for worlds that differ in nothing that decides about what may come. */
  keyOf(world: World): string
  stepsFrom(world: World): readonly Step<World>[]
  /** What must never be: each a sentence. */
  wrongs(before: World, after: World): readonly string[]
  hasEnded(world: World): boolean
}

export interface Findings {
  readonly worlds: number
  readonly steps: number
  readonly ended: number
  /** The shortest way to something wrong, and what that is. */
  readonly counterexample: readonly string[] | undefined
  /** A way to a world from which no end can be reached without another fault. */
  readonly deadEnd: readonly string[] | undefined
}

interface Visited<World> {
  readonly world: World
  /** The first, and thereby shortest, way here. */
  readonly from: { readonly key: string; readonly step: string } | undefined
  /** Worlds that lead here by what is no fault. */
  readonly before: Set<string>
}

/**
 * Takes every step from every world that can be reached, breadth first, each world once: explicit-state model checking
 * [Baier and Katoen, Principles of Model Checking, 3.3], over the program itself in the place of a model of it. Stops at
 * the first that is wrong.
 */
export async function explore<World>(model: Model<World>): Promise<Findings> {
  const visited = new Map<string, Visited<World>>()
  const first = model.keyOf(model.start)
  visited.set(first, { world: model.start, from: undefined, before: new Set() })
  let steps = 0
  // A map is read in the order in which it grows.
  for (const [key, { world }] of visited)
    for (const step of model.stepsFrom(world)) {
      const next = await step.take()
      steps++
      const wrongs = model.wrongs(world, next)
      const way = [...wayTo(visited, key), step.name]
      if (wrongs.length > 0) return { ...countsOf(model, visited, steps), counterexample: [...way, ...wrongs] }
      const nextKey = model.keyOf(next)
      const known = visited.get(nextKey) ?? { world: next, from: { key, step: step.name }, before: new Set<string>() }
      visited.set(nextKey, known)
      if (!step.isFault) known.before.add(key)
    }
  return { ...countsOf(model, visited, steps), counterexample: undefined, deadEnd: deadEndOf(model, visited) }
}

function countsOf<World>(
  model: Model<World>,
  visited: ReadonlyMap<string, Visited<World>>,
  steps: number,
): Omit<Findings, 'counterexample'> {
  const ended = [...visited.values()].filter(({ world }) => model.hasEnded(world)).length
  return { worlds: visited.size, steps, ended, deadEnd: undefined }
}

function wayTo<World>(visited: ReadonlyMap<string, Visited<World>>, key: string): readonly string[] {
  const way: string[] = []
  for (let { from } = visited.get(key)!; from; { from } = visited.get(from.key)!) way.unshift(from.step)
  return way
}

/** Goes back from all ends; what is not met leads to none. */
function deadEndOf<World>(
  model: Model<World>,
  visited: ReadonlyMap<string, Visited<World>>,
): readonly string[] | undefined {
  const met = new Set([...visited].filter(([, { world }]) => model.hasEnded(world)).map(([key]) => key))
  for (const key of met) for (const before of visited.get(key)!.before) met.add(before)
  const dead = visited.keys().find(key => !met.has(key))
  return dead === undefined ? undefined : wayTo(visited, dead)
}
