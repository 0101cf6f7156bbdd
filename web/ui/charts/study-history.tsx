import { useElementSize } from '@mantine/hooks'
import { number } from '../../format.ts'

interface Point {
  readonly number: number
  readonly value: number
  readonly state: string
}

interface StudyHistoryProps {
  readonly label: string
  readonly points: readonly Point[]
  /** The best so far, by number. */
  readonly records: readonly { readonly number: number; readonly value: number }[]
  readonly range: readonly [low: number, high: number]
}

const height = 240
const left = 66
const foot = 24

/** Every trial as a point by its number, and the best so far as a line. What is off the scale stands at its edge. */
export function StudyHistory({ label, points, records, range: [low, high] }: StudyHistoryProps) {
  const { ref, width } = useElementSize<HTMLElement>()
  const last = Math.max(1, ...points.map(point => point.number))
  const x = (at: number): number => left + (at / last) * Math.max(0, width - left - 10)
  const y = (value: number): number =>
    8 + (1 - Math.min(1, Math.max(0, (value - low) / (high - low)))) * (height - foot - 16)
  const path = records
    .map(({ number: at, value }, index) => `${index === 0 ? 'M' : 'H'}${x(at)}${index === 0 ? ',' : 'V'}${y(value)}`)
    .join('')
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(share => low + share * (high - low))
  return (
    <figure ref={ref} className="plot study-plot" aria-label={label}>
      <svg width={width} height={height} role="img" aria-label={label}>
        {ticks.map(tick => (
          <g key={tick}>
            <line className="study-grid" x1={left} x2={width - 10} y1={y(tick)} y2={y(tick)} />
            <text className="study-tick" x={left - 8} y={y(tick) + 4} textAnchor="end">
              {number(tick)}
            </text>
          </g>
        ))}
        {[0, Math.round(last / 2), last].map(at => (
          <text key={at} className="study-tick" x={x(at)} y={height - 6} textAnchor="middle">
            {at}
          </text>
        ))}
        {points.map(point => (
          <circle
            key={point.number}
            className={`study-point ${point.state}`}
            cx={x(point.number)}
            cy={y(point.value)}
            r={3}
          >
            <title>{`Trial ${point.number}, ${point.state}: ${number(point.value)}`}</title>
          </circle>
        ))}
        {records.length > 0 && <path className="study-best" d={`${path}H${x(last)}`} />}
      </svg>
    </figure>
  )
}
