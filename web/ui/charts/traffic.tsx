import { number, percent } from '../../format.ts'

interface Band {
  readonly id: string
  readonly label: string
  /** Percent of requests. */
  readonly weight: number
  readonly state: string
}

/** How requests are split now: one band for each revision that has any. */
export function TrafficBands({ bands }: { bands: readonly Band[] }) {
  const taking = bands.filter(({ weight }) => weight > 0)
  if (taking.length === 0) return <p className="muted">No revision takes traffic.</p>
  return (
    <figure className="bands" aria-label={taking.map(({ label, weight }) => `${label}: ${weight} %`).join(', ')}>
      {taking.map(({ id, label, weight, state }) => (
        <div key={id} className={`band band-${state}`} style={{ flexGrow: weight }}>
          <b>{number(weight)} %</b>
          <span className="clip">{label}</span>
        </div>
      ))}
    </figure>
  )
}

interface TrafficStep {
  readonly at: number
  readonly weights: Readonly<Record<string, number>>
}

const size = { width: 600, height: 74 }
const shades = 5

/** Shares of traffic over time as stacked bands, one column for each change: time between changes is not to scale. */
export function TrafficHistory({
  steps,
  order,
  labels,
}: {
  steps: readonly TrafficStep[]
  order: readonly string[]
  labels: Readonly<Record<string, string>>
}) {
  const width = size.width / Math.max(1, steps.length)
  return (
    <svg
      className="traffic-history"
      viewBox={`0 0 ${size.width} ${size.height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="Share of traffic by revision after each change"
    >
      {steps.flatMap((step, column) => {
        const total = Object.values(step.weights).reduce((sum, weight) => sum + weight, 0) || 1
        let y = 0
        return order.map((id, index) => {
          const height = ((step.weights[id] ?? 0) / total) * size.height
          const top = y
          y += height
          return (
            height > 0 && (
              <rect
                key={`${step.at}${id}`}
                x={column * width}
                y={top}
                width={width - 2}
                height={Math.max(0, height - 1)}
                rx={2}
                className={`shade-${index % shades}`}
              >
                <title>{`${labels[id] ?? id}: ${percent((step.weights[id] ?? 0) / total)}`}</title>
              </rect>
            )
          )
        })
      })}
    </svg>
  )
}
