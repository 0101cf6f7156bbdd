import { seededRandom } from '#statistics'
import type { Frame } from './frame.ts'
import { dayMs } from './season.ts'

/** A small world for tests: daily weather with seasons, good and bad years, and a model that is calibrated for it. */

export interface Day {
  readonly at: number
  readonly key: string
  readonly temperature: number
  readonly wind: number
  readonly score: number
  readonly label: number
}

export interface World {
  readonly key: string
  readonly from: string
  readonly to: string
  readonly seed: number
  /** Degrees that are added: another climate. */
  readonly colder?: number
  /** Added to the log odds of what really happens, which the model does not know: its scores are wrong. */
  readonly surprise?: number
}

/** One row a day at 18:00 UTC. Temperature has a season, a mood of the year and a memory of the day before. */
export function daysOf({ key, from, to, seed, colder = 0, surprise = 0 }: World): readonly Day[] {
  const random = seededRandom(seed)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const days: Day[] = []
  let [mood, moodYear, memory] = [0, 0, 0]
  for (let start = Date.parse(from); start < Date.parse(to); start += dayMs) {
    const year = new Date(start).getUTCFullYear()
    if (year !== moodYear) [mood, moodYear] = [normal() * 0.7, year]
    memory = 0.7 * memory + normal() * 2
    const season = Math.cos(((start / dayMs - 200) / 365.2425) * 2 * Math.PI)
    const temperature = 11 + 8 * season + mood + memory - colder
    const wind = 3 + Math.abs(normal()) * 1.5
    const odds = -0.5 - 0.15 * (11 + 8 * season + mood + memory - 11) + 0.4 * (wind - 4)
    const score = 1 / (1 + Math.exp(-odds))
    const label = random() < 1 / (1 + Math.exp(-odds - surprise)) ? 1 : 0
    days.push({ at: start + 18 * 3_600_000, key, temperature, wind, score, label })
  }
  return days
}

export const frameOfDays = (days: readonly Day[]): Frame => ({
  at: days.map(day => day.at),
  key: days.map(day => day.key),
  features: { temperature: days.map(day => day.temperature), wind: days.map(day => day.wind) },
  score: days.map(day => day.score),
  label: days.map(day => day.label),
})

/** Days in windows of so many rows, whole days. */
export function windowsOfDays(days: readonly Day[], rows: number): readonly (readonly Day[])[] {
  const sorted = days.toSorted((a, b) => a.at - b.at)
  return Array.from({ length: Math.floor(sorted.length / rows) }, (_, i) => sorted.slice(i * rows, (i + 1) * rows))
}
