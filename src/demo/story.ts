import { featurePipeline } from './chapters/data.ts'
import { brokenData } from './chapters/broken.ts'
import { experimentation } from './chapters/experimentation.ts'
import { initiation } from './chapters/initiation.ts'
import { newCity, quietYear, rollOut, type Replay } from './chapters/operation.ts'
import { production } from './chapters/production.ts'
import { platform } from './platform.ts'
import type { World } from './world.ts'

/** The last evening before the product goes live. */
const evening = '2013-12-31'
const firstCity = 'Seattle'
const cities = ['Seattle', 'New York']
const monthsOf = (year: number): readonly string[] =>
  Array.from({ length: 12 }, (_, month) => `${year}-${String(month + 1).padStart(2, '0')}`)

/** What is left to try when a story has been told. */
export interface Told {
  /** An id to walk back from. */
  readonly prediction: string
  /** A city and an evening of which the platform has the features. */
  readonly city: string
  readonly date: string
}

/** The whole story, (1) to (28), on four years of weather. */
export async function tellStory(world: World): Promise<Told> {
  await initiation(world)
  await featurePipeline(world, { evening, cities: [firstCity] })
  await experimentation(world, { evening, cities: [firstCity] })
  await production(world, { evening, city: firstCity })
  const replay: Replay = { world, pending: [], answers: [] }
  await quietYear(replay, { names: monthsOf(2014), city: firstCity })
  const left = await newCity(replay, { names: monthsOf(2015), cities })
  await rollOut(replay, { names: left, cities })
  return replay.answers.at(-1)!
}

/** The short story of a sensor that fails: live in Seattle, then a month of −1. */
export async function tellBroken(world: World): Promise<Told> {
  await initiation(world)
  await featurePipeline(world, { evening, cities: [firstCity] })
  await experimentation(world, { evening, cities: [firstCity] })
  await production(world, { evening, city: firstCity })
  await brokenData(world, { evening: '2014-01-31', from: '2014-01-01', column: 'wind', cities: [firstCity] })
  const [revision] = (await platform(world).deployment(world.project)).revisions
  return { prediction: revision!.id, city: firstCity, date: evening }
}
