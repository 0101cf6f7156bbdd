import { platform, taskOf } from '../platform.ts'
import { brokenCsv } from '../weather.ts'
import { until, type World } from '../world.ts'

/** What happens when a column of the source goes bad: an incident for data engineering, and no training. */
export async function brokenData(
  world: World,
  { evening, from, column, cities }: { evening: string; from: string; column: string; cities: readonly string[] },
): Promise<void> {
  const { teller, weather, signal } = world
  const trainyard = platform(world)
  teller.chapter(`!  The column ${column} is −1 from ${from} on`)
  const trainings = (await trainyard.runs('training')).length

  await trainyard.upload('weather', brokenCsv(weather, { until: evening, from, column, cities }))
  const incident = await until(
    'the incident',
    async () =>
      (await trainyard.incidents()).find(incident => incident.kind === 'contract' && incident.state === 'open'),
    { signal },
  )
  teller.say(`incident ${incident.id}: ${incident.title}`)
  for (const { column: broken, rule, found, allowed } of incident.violations)
    teller.say(`${broken}, ${rule}: ${found}; allowed: ${allowed}`)
  for (const item of await trainyard.feedback())
    if (item.incident === incident.id) teller.say(`→ ${item.receiver.replace('_', ' ')}: ${item.action}`)

  const attempt = await trainyard.start('training', { reason: 'Somebody tries to train on it all the same.' })
  const { run, tasks } = await until(
    'the end of that training',
    async () => {
      const detail = await trainyard.run(attempt.id)
      return ['failed', 'succeeded', 'cancelled'].includes(detail.run.state) && detail
    },
    { signal },
  )
  teller.say(
    `training by hand ${run.state} at ${taskOf(tasks, 'validate').name}, the training task was ${taskOf(tasks, 'train').state}: ${run.error?.split('\n')[0] ?? ''}`,
  )
  const started = (await trainyard.runs('training')).length - trainings - 1
  if (started !== 0 || run.state !== 'failed') throw new Error('a training was started on broken data')
  teller.say('the platform itself has started no training')
}
