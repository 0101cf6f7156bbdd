/** What the tree needs to know of an experiment. */
export interface Leaf {
  readonly name: string
}

/** A folder of experiments, or one: `rain` holds `rain/seattle`, and may be an experiment itself. */
export interface Branch<Row extends Leaf> {
  readonly path: string
  /** The last part of the path; of a folder with one folder in it alone, both: `rain/seattle`. */
  readonly title: string
  readonly experiment?: Row
  readonly branches: readonly Branch<Row>[]
}

/** Experiments as folders, by the `/` in their names. A folder that holds nothing but one other is written together with it. */
export function treeOf<Row extends Leaf>(rows: readonly Row[]): readonly Branch<Row>[] {
  return grow(
    rows.toSorted((a, b) => a.name.localeCompare(b.name, 'en')),
    '',
  )
}

function grow<Row extends Leaf>(rows: readonly Row[], above: string): readonly Branch<Row>[] {
  const byHead = Map.groupBy(rows, ({ name }) => headOf(name, above))
  return [...byHead].flatMap(([head, inner]) => {
    const path = above + head
    const isBelow = ({ name }: Row): boolean => name !== path
    const branches = grow(inner.filter(isBelow), `${path}/`)
    const [own, ...twins] = inner.filter(row => !isBelow(row))
    const [only] = branches
    if (!own && only && branches.length === 1 && !only.experiment) return [{ ...only, title: `${head}/${only.title}` }]
    return [
      { path, title: head, branches, ...(own && { experiment: own }) },
      // Two projects may each have an experiment of one name.
      ...twins.map(experiment => ({ path, title: head, branches: [], experiment })),
    ]
  })
}

/** The next part of a name; a slash at the very end is part of it. */
function headOf(name: string, above: string): string {
  const cut = name.indexOf('/', above.length)
  return cut < 0 || cut === name.length - 1 ? name.slice(above.length) : name.slice(above.length, cut)
}

/** All experiments in a branch. */
export const leavesOf = <Row extends Leaf>({ experiment, branches }: Branch<Row>): readonly Row[] => [
  ...(experiment ? [experiment] : []),
  ...branches.flatMap(leavesOf),
]
