import { TrainyardError } from '#kernel/error.ts'
import { platform } from './platform.ts'
import type { Day } from './weather.ts'
import type { World } from './world.ts'

/** What the service said about one city on one evening. */
export interface Answer {
  readonly city: string
  /** The evening, as a date. */
  readonly date: string
  readonly prediction: string
  readonly probability: number
  readonly advice: string
  readonly revision: string
}

interface Inferred {
  outputs: { name: string; data: unknown[] }[]
  parameters: { prediction_id: string; revision: string | number }
}

/** The instant at which the features of a day are complete: 23:59, as in features/engineer.sql. */
export const eveningOf = (date: string): number => Date.parse(`${date}T23:59:00Z`)

/** Where each deployment of a platform is asked: the address stays. */
const urls = new WeakMap<World, string>()

/** One request: the entity, and the instant that it is about. The features are the platform's business. */
export async function ask(
  world: World,
  { deployment, city, at }: { deployment: string; city: string; at: number },
): Promise<Answer> {
  const url = urls.get(world) ?? (await platform(world).deployment(deployment)).url
  urls.set(world, url)
  const { outputs, parameters } = await world.client.post<Inferred>(`${url}/infer`, {
    inputs: [],
    parameters: { entity: city, event_time: at },
  })
  const output = (name: string): unknown => outputs.find(tensor => tensor.name === name)?.data[0]
  const prediction = String(parameters.prediction_id)
  if (!prediction.startsWith('prd_'))
    throw new TrainyardError('unavailable', `The answer names no prediction: ${JSON.stringify(parameters)}.`)
  return {
    city,
    date: new Date(at).toISOString().slice(0, 10),
    prediction,
    probability: Number(output('probability')),
    advice: String(output('advice')),
    revision: String(parameters.revision),
  }
}

/** The truth about answers, as it is known once the day after has been. */
export function truthOf(
  answers: readonly Answer[],
  days: readonly Day[],
): readonly { prediction: string; value: number; at: number }[] {
  const rained = new Map(days.map(day => [`${day.city} ${day.date}`, day.rained]))
  return answers.flatMap(({ city, date, prediction }) => {
    const next = new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10)
    const rain = rained.get(`${city} ${next}`)
    return rain === undefined ? [] : [{ prediction, value: rain ? 1 : 0, at: eveningOf(next) }]
  })
}
