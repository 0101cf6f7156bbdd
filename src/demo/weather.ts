import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '#kernel/place.ts'

/** A day of one city, as its line of the file and the facts that the demo needs of it. */
export interface Day {
  readonly city: string
  /** `2014-03-01` */
  readonly date: string
  readonly rained: boolean
  readonly line: string
}

export interface Weather {
  readonly header: string
  readonly days: readonly Day[]
}

/** Daily weather of Seattle and New York, 2012 to 2015 (NOAA): in the package beside the examples, in the repository from `vega-datasets`. */
export function weatherFile(): string {
  const packaged = fileURLToPath(new URL('examples/data/weather.csv', packageRoot))
  if (existsSync(packaged)) return packaged
  return fileURLToPath(new URL('node_modules/vega-datasets/data/weather.csv', packageRoot))
}

export function readWeather(): Weather {
  const [header = '', ...lines] = readFileSync(weatherFile(), 'utf8').trimEnd().split('\n')
  const columns = header.split(',')
  const at = (cells: readonly string[], name: string): string => cells[columns.indexOf(name)]!
  const days = lines.map(line => {
    const cells = line.split(',')
    return {
      city: at(cells, 'location'),
      date: at(cells, 'date'),
      rained: Number(at(cells, 'precipitation')) > 0,
      line,
    }
  })
  return {
    header,
    days: days.toSorted((a, b) => (a.date === b.date ? a.city.localeCompare(b.city) : a.date < b.date ? -1 : 1)),
  }
}

/** The file as its owner would upload it on the evening of `until`: these cities, all days up to then. */
export const csvUntil = ({ header, days }: Weather, until: string, cities: readonly string[]): string =>
  [header, ...days.filter(day => day.date <= until && cities.includes(day.city)).map(day => day.line), ''].join('\n')

/** The same file with a column stuck at −1 from a day on: a sensor's error code read as a value. */
export function brokenCsv(
  weather: Weather,
  { until, from, column, cities }: { until: string; from: string; column: string; cities: readonly string[] },
): string {
  const index = weather.header.split(',').indexOf(column)
  const days = weather.days.map(day => {
    if (day.date < from) return day
    const cells = day.line.split(',')
    cells[index] = '-1'
    return { ...day, line: cells.join(',') }
  })
  return csvUntil({ ...weather, days }, until, cities)
}
