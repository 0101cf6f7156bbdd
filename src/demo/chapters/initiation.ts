import { cp, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { basename } from 'node:path'
import { packageRoot } from '#kernel/place.ts'
import { git } from '../git.ts'
import { platform, seconds, short, type Run } from '../platform.ts'
import { until, type World } from '../world.ts'

const example = fileURLToPath(new URL('examples/rain/', packageRoot))

interface Revision {
  number: number
  commit?: string
  spec: {
    objective: {
      goal: string
      kpi: string
      task: string
      target: string
      metric: string
      threshold: number
      owners: Record<string, string>
      decisions: { title: string; decision: string }[]
      dataRequirements: { need: string; source?: string }[]
    }
  }
}

/** Steps (1) to (4): the project is described in its repository, and a push makes it so. */
export async function initiation(world: World): Promise<void> {
  const { client, teller, project, checkout } = world
  teller.chapter('A  Project initiation')

  const { url } = await client.get<{ url: string }>(`/api/v1/projects/${project}/repository`)
  await mkdir(checkout, { recursive: true })
  await cp(example, checkout, { recursive: true, filter: path => basename(path) !== 'node_modules' })
  await git(checkout, ['init', '--quiet', '--initial-branch=main'])
  await git(checkout, ['remote', 'add', 'origin', url])
  const delivered = await push(world, 'project: will it rain tomorrow?')
  teller.say(`pushed to ${url}; CI ran ${delivered}`)

  const revision = await client.get<Revision>(`/api/v1/projects/${project}`)
  const { goal, kpi, owners, decisions, task, target, metric, threshold, dataRequirements } = revision.spec.objective
  await teller.step(1, 'The business goal', async () => [
    goal,
    `KPI: ${kpi}`,
    `owners: ${Object.entries(owners)
      .map(([role, who]) => `${role} ${who}`)
      .join(', ')}`,
  ])
  await teller.step(2, 'Architecture and decisions', async () =>
    decisions.map(decision => `${decision.title}: ${decision.decision}`),
  )
  await teller.step(3, 'The machine-learning problem', async () => [
    `${task.replace('_', ' ')} of "${target}"; good enough is a ${metric} score of ${threshold}`,
  ])
  await teller.step(4, 'The data that is required', async () =>
    dataRequirements.map(({ need, source }) => `${need} → source ${source}`),
  )
}

/** Commits everything and pushes it; answers what CI did. Throws when CI did not deliver. */
export async function push(world: World, subject: string): Promise<string> {
  const { checkout, signal } = world
  const trainyard = platform(world)
  await git(checkout, ['add', '--all'])
  await git(checkout, ['commit', '--quiet', '--message', subject])
  const commit = await git(checkout, ['rev-parse', 'HEAD'])
  await git(checkout, ['push', '--quiet', 'origin', 'main'])
  const build = await until<Run>(
    `CI of commit ${short(commit)}`,
    async () => (await trainyard.runs('ci')).find(run => run.commit === commit),
    { signal },
  )
  const { run, tasks } = await trainyard.finished(build.id)
  return `${tasks.map(task => task.name).join(' → ')} in ${seconds(run)} for commit ${short(commit)} (${run.id})`
}
