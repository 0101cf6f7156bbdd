import { eveningOf, ask, truthOf, type Answer } from '../traffic.ts'
import {
  platform,
  short,
  taskOf,
  type Incident,
  type ModelVersion,
  type Platform,
  type Run,
  type Window,
} from '../platform.ts'
import { until, type World } from '../world.ts'
import { refresh } from './data.ts'

/** What has been asked and not yet been told the truth about. */
export interface Replay {
  readonly world: World
  /** Answers whose truth is still to come: it arrives a month late. */
  pending: readonly Answer[]
  readonly answers: Answer[]
}

/** One month of evenings in some cities: the data arrive, each evening is asked about, and the truth of the month before. */
export async function month(
  replay: Replay,
  { name, cities }: { name: string; cities: readonly string[] },
): Promise<void> {
  const { world } = replay
  const { weather, client, project } = world
  const days = weather.days.filter(day => day.date.startsWith(name) && cities.includes(day.city))
  const evening = days.at(-1)!.date
  await refresh(world, { evening, cities })
  const asked: Answer[] = []
  for (const { city, date } of days) asked.push(await ask(world, { deployment: project, city, at: eveningOf(date) }))
  const known = truthOf(replay.pending, weather.days)
  if (known.length > 0) await client.send('POST', `/api/v1/deployments/${project}/truth`, { items: known })
  replay.answers.push(...asked)
  replay.pending = asked
  await settled(world, replay.answers.length)
}

/** Waits until monitoring has counted every prediction, and nothing of its consequences is running but canaries. */
async function settled(world: World, predictions: number): Promise<void> {
  const trainyard = platform(world)
  await until(
    `${predictions} predictions in the monitor`,
    async () => (await trainyard.monitors()).some(monitor => monitor.predictions >= predictions),
    world,
  )
  await until('the runs that follow', () => quiet(trainyard), { signal: world.signal, patience: 240_000 })
}

async function quiet(trainyard: Platform): Promise<boolean> {
  for (const run of await trainyard.activeRuns()) {
    const { tasks } = await trainyard.run(run.id)
    if (run.pipeline !== 'deploy' || !tasks.some(task => task.state === 'waiting')) return false
  }
  return true
}

/** Months in a row, with a bar. Stops early when `enough` says so after one. */
export async function months(
  replay: Replay,
  names: readonly string[],
  cities: readonly string[],
  enough: () => Promise<boolean> = async () => false,
): Promise<readonly string[]> {
  const { teller } = replay.world
  for (const [index, name] of names.entries()) {
    teller.progress(index / names.length, `${name} ${cities.join(', ')}`)
    await month(replay, { name, cities })
    if (await enough()) {
      teller.progress(1, '')
      return names.slice(0, index + 1)
    }
  }
  teller.progress(1, '')
  return names
}

/** Step (26): a year of Seattle. Seasons come and go, and nobody is paged. */
export async function quietYear(
  replay: Replay,
  { names, city }: { names: readonly string[]; city: string },
): Promise<void> {
  const { world } = replay
  const trainyard = platform(world)
  world.teller.chapter('E  Operation: a year in Seattle')
  await months(replay, names, [city])
  await world.teller.step(26, 'Serving is observed continuously', async () => {
    const windows = await trainyard.windows(world.project)
    const incidents = await trainyard.incidents()
    const judged = windows.flatMap(window => (window.performance?.realised === undefined ? [] : [window]))
    const unusual = windows.filter(window =>
      window.signals.some(signal => signal.state === 'warn' || signal.state === 'alarm'),
    )
    return [
      `${replay.answers.length} predictions in ${windows.length} windows, each compared with ${windows[0]!.reference}`,
      `${judged.length} windows with their truth: ${judged.map(window => `${day(window.from)} ${window.performance!.realised!.toFixed(3)}`).join(', ')}`,
      `${unusual.length} of them with something unusual, ${incidents.filter(incident => incident.severity === 'page').length} people paged`,
    ]
  })
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** Steps (27) and (28): a new city opens, performance falls, and the platform mends it. */
export async function newCity(
  replay: Replay,
  { names, cities }: { names: readonly string[]; cities: readonly string[] },
): Promise<readonly string[]> {
  const { world } = replay
  const { teller } = world
  const trainyard = platform(world)
  teller.chapter(`F  ${cities.at(-1)} opens`)
  const before = (await trainyard.versions('rain'))[0]!
  const lost = async (): Promise<Incident | undefined> =>
    (await trainyard.incidents()).find(incident => incident.kind === 'performance')
  const used = await months(replay, names, cities, async () => (await lost()) !== undefined)

  const incident = await lost()
  await teller.step(27, 'Feedback from monitoring to the stages upstream', async () => {
    if (!incident) throw new Error(`no loss of performance was found in ${used.join(', ')}`)
    const items = await trainyard.feedback()
    return [
      `incident ${incident.id}: ${incident.title}`,
      ...incident.evidence.slice(0, 5),
      ...incident.causes.slice(0, 4).map((cause, index) => `cause ${index + 1}: ${cause.sentence}`),
      ...items.map(item => `→ ${item.receiver.replace('_', ' ')}: ${item.title}`),
    ]
  })

  const retrained = await until<Run>(
    'the retraining',
    async () => (await trainyard.runs('training')).find(run => run.cause.kind === 'incident'),
    world,
  )
  await teller.step(28, 'Continuous training', () => retraining(trainyard, retrained, before))
  return names.slice(used.length)
}

async function retraining(trainyard: Platform, { id }: Run, before: ModelVersion): Promise<readonly string[]> {
  const { run, tasks } = await trainyard.finished(id)
  const version = await trainyard.version(taskOf(tasks, 'register').outputs['version']!.ref!)
  const { metric, metrics, champion, difference, rows } = version.evaluation
  if (!champion || !difference) throw new Error('the challenger was not compared with the champion')
  return [
    `run ${run.id}, cause: ${run.cause.reason} (${run.cause.ref})`,
    `${version.model} v${version.version} against v${before.version} on the same ${rows} rows: ${metric} ${metrics[metric]!.toFixed(4)} against ${champion.metrics[metric]!.toFixed(4)}`,
    `difference in ${difference.loss} ${difference.difference.toFixed(4)}, 95 % interval ${difference.lower.toFixed(4)} to ${difference.upper.toFixed(4)}`,
    ...version.evaluation.gate.rules.map(
      rule => `${rule.passed ? '✓' : '✗'} ${rule.rule}: ${rule.measured}, required ${rule.required}`,
    ),
  ]
}

/** After (28): the challenger takes a tenth of the traffic, then all of it, and the next window is compared with its data. */
export async function rollOut(
  replay: Replay,
  { names, cities }: { names: readonly string[]; cities: readonly string[] },
): Promise<void> {
  const { world } = replay
  const { teller, project } = world
  const trainyard = platform(world)
  // The first was of the champion.
  const deploy = await until(
    'the deployment of the challenger',
    async () => (await trainyard.runs('deploy')).at(-2),
    world,
  )
  const over = async (): Promise<boolean> =>
    ['succeeded', 'failed', 'cancelled'].includes((await trainyard.run(deploy.id)).run.state)
  const used = await months(replay, names, cities, over)
  const { run, tasks } = await trainyard.finished(deploy.id)
  const { traffic, revisions } = await trainyard.deployment(project)
  teller.say(`canary of ${run.id}: ${(await trainyard.log(taskOf(tasks, 'observe').id)).trim().split('\n').at(-1)!}`)
  for (const change of traffic.toReversed())
    teller.say(
      `${change.reason} → ${Object.entries(change.weights)
        .map(([id, weight]) => `r${revisions.find(revision => revision.id === id)?.number ?? id} ${weight} %`)
        .join(', ')}`,
    )

  const live = revisions.find(revision => revision.state === 'live')!
  const windows = async (): Promise<readonly Window[]> =>
    (await trainyard.windows(project)).filter(window => window.revision === live.id).toReversed()
  const incident = async (): Promise<Incident | undefined> =>
    (await trainyard.incidents()).find(({ kind }) => kind === 'performance')
  await months(replay, names.slice(used.length), cities, async () => (await incident())?.state === 'resolved')
  const [first, ...later] = await windows()
  if (first)
    teller.say(
      `the window from ${day(first.from)} on is compared with ${first.reference} (version ${live.versionNumber}, ${short(live.bundle)}); ${later.length} more follow`,
    )
  const { state, resolution } = (await incident())!
  teller.say(`the incident is ${state}${resolution === undefined ? '' : `: ${resolution}`}`)
}
