import { ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'
import type { LoopItem, Station } from '../../wire.ts'
import { linkState, ringOf, type RingLink } from './geometry.ts'
import { LagBadge, StationFace } from './station.tsx'

const size = { width: 1140, height: 500 }
const inset = { x: 108, y: 54 }

interface LoopProps {
  readonly item: LoopItem
  /** Wraps a station in what leads to its page. */
  readonly link: (station: Station, children: ReactNode, className: string) => ReactNode
  /** What stands in the middle. */
  readonly children: ReactNode
}

/** The loop of one project, drawn as the circuit of track that it is. */
export function LoopRing({ item, link, children }: LoopProps) {
  const ring = ringOf({ count: item.stations.length, ...size, inset })
  return (
    <div className="ring">
      <svg viewBox={`0 0 ${size.width} ${size.height}`} preserveAspectRatio="none" aria-hidden>
        {item.stations.map((station, index) => (
          <Track key={station.station} link={ring.links[index]!} station={station} />
        ))}
      </svg>
      <div className="ring-centre">{children}</div>
      <ol aria-label={`The loop of ${item.project}`}>
        {item.stations.map((station, index) => (
          <li key={station.station}>
            <Between link={ring.links[index]!} station={station} />
            <div className="ring-station" style={place(ring.stations[index]!)}>
              {link(station, <StationFace station={station} />, `station station-${station.state}`)}
            </div>
          </li>
        ))}
      </ol>
    </div>
  )
}

function Track({ link, station }: { link: RingLink; station: Station }) {
  const state = linkState(station)
  return (
    <g className={`track track-${state}`}>
      <path className="track-sleepers" d={link.path} />
      <path className="track-rails" d={link.rails} />
      {state === 'moving' && <path className="track-train" d={link.path} pathLength={100} />}
    </g>
  )
}

/** On the way to a station: what lags behind, else the direction of travel. */
const Between = ({ link: { middle, angle }, station }: { link: RingLink; station: Station }) =>
  station.lag ? (
    <div className="ring-lag" style={place(middle)}>
      <LagBadge lag={station.lag} />
    </div>
  ) : (
    <span className={`ring-arrow track-${linkState(station)}`} style={place(middle)} aria-hidden>
      <ChevronRight size={14} style={{ rotate: `${angle}deg` }} />
    </span>
  )

const place = ({ x, y }: { x: number; y: number }): React.CSSProperties => ({
  left: `${(x / size.width) * 100}%`,
  top: `${(y / size.height) * 100}%`,
})

/** The same loop as a line with stations, for narrow screens; the last one leads back to the first. */
export function LoopLine({ item, link, children }: LoopProps) {
  return (
    <div className="line">
      <div className="line-head">{children}</div>
      <ol aria-label={`The loop of ${item.project}`}>
        {item.stations.map(station => (
          <li key={station.station} className={`line-stop track-${linkState(station)}`}>
            {station.lag && <LagBadge lag={station.lag} />}
            {link(station, <StationFace station={station} />, `station station-${station.state}`)}
          </li>
        ))}
      </ol>
      <p className="line-return muted small">↺ and back to data</p>
    </div>
  )
}
