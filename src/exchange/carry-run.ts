import { invalid } from '#kernel/error.ts'
import {
  createTally,
  datasetFacts,
  keyTextFacts,
  linkFacts,
  pointFacts,
  tallyOf,
  type RunSummary,
  type RunTallies,
  type Tally,
} from '#tracking'
import { carryFiles, type FileChoices } from './carry-files.ts'
import type { CarriedPoint, CarriedRun, Source } from './record.ts'
import type { Kind, Reporter } from './report.ts'
import type { Target } from './target.ts'

/** Short histories are many: they are written together. */
const pointsPerWrite = 5_000

export interface Journey {
  readonly source: Source
  readonly target: Target
  readonly reporter: Reporter
  readonly choices: FileChoices & { onPoints(points: number): void }
}

/** Brings one run over, or finds it there; `before` is what the target has of it. */
export async function carryRun(
  journey: Journey,
  original: CarriedRun,
  { experimentId, before }: { readonly experimentId: string; readonly before: RunSummary | undefined },
): Promise<void> {
  const { source, target, reporter, choices } = journey
  if (before && before.experimentId !== experimentId)
    throw invalid('The run is here already, in another experiment: ids are kept, and it is not there twice.', [
      { field: 'experiment', value: before.experimentId, allowed: experimentId },
    ])
  const run = withNameTag(original)
  const what = `run ${run.id}`
  const words = wordTallies(run)
  let points = before && (await tallyPoints(journey, run))
  const isWhole = before !== undefined && differencesOf(run, { ...words, points: points! }, before).length === 0
  if (!isWhole) {
    const { name, user, startedAt, params, tags, datasets, links } = run
    await target.run(run.id, { experimentId, name, user, startedAt, params, tags, datasets, links })
    points = await tallyPoints(journey, run, some => target.points(run.id, some))
  }
  const uri = before?.artifactUri ?? (await target.summaries([run.id])).get(run.id)!.artifactUri
  const wrote = await carryFiles(journey, source.files(original), { what, of: 'runs', id: run.id, uri }, choices)
  if (!isWhole) {
    const { status, lifecycle, endedAt } = run
    await target.endRun(run.id, { status, lifecycle, ...(endedAt !== undefined && { endedAt }) })
  }
  if (isWhole && !wrote) reporter.passedOver()
  else reporter.written()
  const after = isWhole ? before : (await target.summaries([run.id])).get(run.id)
  compare(reporter, run, { ...words, points: points! }, after)
}

/** Older clients have not said the name as a tag; the platform does for every run. */
function withNameTag(run: CarriedRun): CarriedRun {
  const nameTag = run.tags.find(({ key }) => key === 'mlflow.runName')
  if (nameTag) return { ...run, name: run.name || nameTag.value }
  return run.name === '' ? run : { ...run, tags: [...run.tags, { key: 'mlflow.runName', value: run.name }] }
}

const wordTallies = (run: CarriedRun): Omit<RunTallies, 'points'> => ({
  params: tallyOf(run.params.map(keyTextFacts)),
  tags: tallyOf(run.tags.map(keyTextFacts)),
  datasets: tallyOf(run.datasets.map(datasetFacts)),
  links: tallyOf(run.links.map(linkFacts)),
})

/** Reads all points of the source, hands them on if asked to, and counts each that is another one. */
async function tallyPoints(
  { source, choices }: Journey,
  run: CarriedRun,
  write?: (points: readonly CarriedPoint[]) => Promise<void>,
): Promise<Tally> {
  const tally = createTally()
  let waiting: CarriedPoint[] = []
  for await (const points of source.points(run)) {
    for (const point of points) tally.add(pointFacts(point))
    choices.onPoints(points.length)
    if (!write) continue
    waiting = waiting.concat(points)
    if (waiting.length < pointsPerWrite) continue
    await write(waiting)
    waiting = []
  }
  if (waiting.length > 0) await write?.(waiting)
  return tally.value()
}

const kindOf: Readonly<Record<keyof RunTallies, Kind>> = {
  params: 'params',
  tags: 'tags',
  points: 'metric points',
  datasets: 'dataset inputs',
  links: 'model links',
}
const fields = ['name', 'user', 'status', 'lifecycle', 'startedAt', 'endedAt'] as const

function differencesOf(run: CarriedRun, tallies: RunTallies, here: RunSummary): readonly string[] {
  const words = fields.flatMap(field =>
    run[field] === here[field] ? [] : [`${field}: ${run[field] ?? 'none'} there, ${here[field] ?? 'none'} here`],
  )
  const parts = (Object.keys(kindOf) as (keyof RunTallies)[]).flatMap(part => {
    const [one, other] = [tallies[part], here[part]]
    if (one.digest === other.digest && one.count === other.count) return []
    const which = one.count === other.count ? 'not the same ones' : `${one.count} there, ${other.count} here`
    return [`${kindOf[part]}: ${which}`]
  })
  return [...words, ...parts]
}

function compare(reporter: Reporter, run: CarriedRun, tallies: RunTallies, here: RunSummary | undefined): void {
  reporter.count('runs', 1, here ? 1 : 0)
  for (const part of Object.keys(kindOf) as (keyof RunTallies)[])
    reporter.count(kindOf[part], tallies[part].count, here?.[part].count ?? 0)
  const differences = here ? differencesOf(run, tallies, here) : ['it is not here']
  for (const why of differences) reporter.differ(`run ${run.id}`, why)
}
