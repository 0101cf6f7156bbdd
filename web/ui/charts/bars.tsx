import { number } from '../../format.ts'

/** Named numbers as bars, the largest first; negative ones are drawn to the left, which for importance means noise. */
export function Bars({ values, label }: { values: Readonly<Record<string, number>>; label: string }) {
  const entries = Object.entries(values).toSorted((a, b) => b[1] - a[1])
  const largest = Math.max(...entries.map(([, value]) => Math.abs(value)), 1e-12)
  return (
    <ul className="bars" aria-label={label}>
      {entries.map(([name, value]) => (
        <li key={name}>
          <span className="clip" title={name}>
            {name}
          </span>
          <span className="bars-track">
            <i style={{ width: `${(Math.abs(value) / largest) * 100}%` }} data-negative={value < 0} />
          </span>
          <span className="num small">{number(value)}</span>
        </li>
      ))}
    </ul>
  )
}
