import { percent } from '../../format.ts'
import type { Signal } from '../../wire.ts'
import { sharesOf, stepPath } from './bins.ts'

const size = { width: 640, height: 200 }

/** Two distributions over the same bins: the reference as a grey area, the window as a line. */
export function Overlay({ bins, name }: { bins: NonNullable<Signal['bins']>; name: string }) {
  const [reference, current] = [sharesOf(bins.reference), sharesOf(bins.current)]
  const highest = Math.max(...reference, ...current, 1e-9)
  const scaled = (shares: readonly number[]): number[] => shares.map(share => (share / highest) * 0.94)
  return (
    <figure className="overlay">
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Distribution of ${name}: reference and window; the table below has the numbers`}
      >
        <line className="overlay-base" x1="0" x2={size.width} y1={size.height} y2={size.height} />
        <path className="overlay-reference" d={stepPath(scaled(reference), size)} />
        <path className="overlay-current" d={stepPath(scaled(current), size)} vectorEffect="non-scaling-stroke" />
      </svg>
      <div className="overlay-labels" style={{ gridTemplateColumns: `repeat(${bins.labels.length}, minmax(0, 1fr))` }}>
        {bins.labels.map((label, index) => (
          <span
            key={label + index}
            className="clip"
            title={`${label}: reference ${percent(reference[index] ?? 0, 1)}, window ${percent(current[index] ?? 0, 1)}`}
          >
            {label}
          </span>
        ))}
      </div>
      <figcaption className="legend">
        <span className="key key-area">reference</span>
        <span className="key key-line">this window</span>
        <span className="muted">highest bin {percent(highest, 1)}</span>
      </figcaption>
      <details className="small">
        <summary className="muted">Numbers</summary>
        <table className="table" aria-label={`Bins of ${name}`}>
          <thead>
            <tr>
              <th scope="col">Bin</th>
              <th scope="col" className="right">
                Reference
              </th>
              <th scope="col" className="right">
                Window
              </th>
            </tr>
          </thead>
          <tbody>
            {bins.labels.map((label, index) => (
              <tr key={label + index}>
                <td>{label}</td>
                <td className="right num">{percent(reference[index] ?? 0, 1)}</td>
                <td className="right num">{percent(current[index] ?? 0, 1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}
