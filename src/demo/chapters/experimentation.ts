import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TrainyardError } from '#kernel/error.ts'
import { platform, seconds, short, taskOf, type Task } from '../platform.ts'
import type { World } from '../world.ts'
import { push } from './initiation.ts'

/** Strengths of the penalty to try, from strong to weak. */
const strengths = [0.003, 0.03, 0.3, 3]

interface Trial {
  readonly strength: number
  readonly brier: number
  readonly tasks: readonly Task[]
  readonly run: string
}

/** Steps (13) to (17): experiments on the feature store, and the commit that carries their result. */
export async function experimentation(
  world: World,
  { evening, cities }: { evening: string; cities: readonly string[] },
): Promise<void> {
  const { teller, checkout } = world
  const trainyard = platform(world)
  teller.chapter('C  Experimentation')

  await teller.step(13, 'Analysis on the feature store', async () => {
    const rows = await trainyard.online({ service: 'rain', keys: [...cities], at: Date.parse(`${evening}T23:59:59Z`) })
    return rows.map(
      ({ key, status, values }) =>
        `${key}: ${status}, ${Object.keys(values).length} features, for instance ${Object.entries(values)
          .slice(0, 3)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ')}`,
    )
  })

  const trials: Trial[] = []
  for (const strength of strengths) {
    teller.progress(trials.length / strengths.length, `experiment c = ${strength}`)
    const { id } = await trainyard.start('experiment', {
      params: { c: strength },
      reason: `Model engineering: how strong a penalty? c = ${strength}`,
    })
    const { tasks } = await trainyard.finished(id)
    const brier = taskOf(tasks, 'evaluate').metrics['brier']
    if (brier === undefined) throw new TrainyardError('task_failed', `The experiment ${id} has no brier score.`)
    trials.push({ strength, brier, tasks, run: id })
  }
  teller.progress(1, '')
  const best = trials.toSorted((a, b) => a.brier - b.brier)[0]!
  const train = taskOf(best.tasks, 'train')
  const split = taskOf(best.tasks, 'split')

  await teller.step(14, 'Data prepared and split', async () => [
    ...Object.entries(split.outputs).map(
      ([name, artifact]) => `${name}: ${artifact.size} bytes, ${short(artifact.digest)}, from ${artifact.ref}`,
    ),
    (await trainyard.log(split.id)).trim().split('\n').at(-1)!,
  ])
  await teller.step(15, 'Algorithm and parameters; training on the infrastructure', async () => [
    `tasks/train.ts in an isolated process of ${seconds(train)}, attempt ${train.attempt}, parameters ${JSON.stringify(train.params)} (${best.run})`,
  ])
  await teller.step(16, 'Rounds of training and validation', async () => [
    ...trials.map(
      ({ strength, brier }) =>
        `c = ${strength}: brier ${brier.toFixed(4)}${strength === best.strength ? '  ← best' : ''}`,
    ),
    `stopped after ${trials.length} trials, one for each strength; ${trials.length} tracking runs are kept`,
    'they differ by less than 90 rows can tell, and (21) judges on the same rows: its figure is a little too good',
  ])
  await teller.step(17, 'Model engineered: the code is committed, CI builds, tests and delivers', async () => {
    const file = join(checkout, 'trainyard.ts')
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replaceAll(/const strength = [\d.]+/g, `const strength = ${best.strength}`),
    )
    await writeFile(join(checkout, 'experiments.md'), notes(trials, best))
    return [await push(world, `train: strength ${best.strength}, the best of ${trials.length} experiments`)]
  })
}

const notes = (trials: readonly Trial[], best: Trial): string =>
  [
    '# Experiments',
    '',
    'How strong a penalty? Brier score on the last 90 days; the criterion was to try each strength once.',
    '',
    '| c | brier | run |',
    '|---|---|---|',
    ...trials.map(({ strength, brier, run }) => `| ${strength} | ${brier.toFixed(4)} | ${run} |`),
    '',
    `Chosen: ${best.strength}.`,
    '',
  ].join('\n')
