import { number, percent } from '../../format.ts'
import type { ColumnProfile } from '../../wire.ts'
import { densityOf, topBars } from './bins.ts'

const size = { width: 140, height: 26 }

/** How the values of a column are spread: density from deciles for numbers, the most frequent values for the others. */
export function MiniHistogram({ column }: { column: ColumnProfile }) {
  const density = densityOf(column.quantiles ?? [])
  if (density.length > 0) {
    return (
      <svg
        className="mini"
        viewBox={`0 0 ${size.width} ${size.height}`}
        width={size.width}
        height={size.height}
        role="img"
        aria-label={`Deciles ${column.quantiles!.map(number).join(', ')}`}
      >
        <title>Deciles: {column.quantiles!.map(number).join(' · ')}</title>
        {density.map(({ from, width, height }) => (
          <rect
            key={from}
            x={from * size.width}
            y={size.height * (1 - height)}
            width={Math.max(1, width * size.width - 1)}
            height={size.height * height}
          />
        ))}
      </svg>
    )
  }
  const bars = topBars(column).slice(0, 3)
  if (bars.length === 0) return <span className="muted">–</span>
  return (
    <span className="mini-top">
      {bars.map(({ value, share }) => (
        <span key={value} title={`${value}: ${percent(share, 1)}`}>
          <i style={{ width: `${Math.max(2, share * 100)}%` }} />
          <span className="clip">{value}</span>
        </span>
      ))}
    </span>
  )
}
