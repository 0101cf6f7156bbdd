import { signed } from '../../format.ts'

/** A difference with its 95 % interval against zero: left is better for a loss. */
export function Interval({ difference, lower, upper }: { difference: number; lower: number; upper: number }) {
  const reach = Math.max(Math.abs(lower), Math.abs(upper), 1e-12) * 1.15
  const x = (value: number): number => 50 + (value / reach) * 50
  return (
    <figure className="interval">
      <svg
        viewBox="0 0 100 18"
        preserveAspectRatio="none"
        role="img"
        aria-label={`Difference ${signed(difference)}, 95 % interval ${signed(lower)} to ${signed(upper)}`}
      >
        <line x1="50" x2="50" y1="0" y2="18" className="interval-zero" vectorEffect="non-scaling-stroke" />
        <line x1={x(lower)} x2={x(upper)} y1="9" y2="9" className="interval-range" vectorEffect="non-scaling-stroke" />
        <line
          x1={x(difference)}
          x2={x(difference)}
          y1="3"
          y2="15"
          className="interval-point"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <figcaption className="row small muted">
        <span>← better</span>
        <span className="push">worse →</span>
      </figcaption>
    </figure>
  )
}
