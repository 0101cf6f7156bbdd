import type { ReactNode } from 'react'
import { stationNames, type LoopItem, type Station } from '../../wire.ts'
import { worry } from './geometry.ts'
import { LagBadge, StationFace, stationTitle, StationIcon } from './station.tsx'

interface MatrixProps {
  readonly items: readonly LoopItem[]
  readonly link: (item: LoopItem, station: Station, children: ReactNode, className: string) => ReactNode
  readonly project: (item: LoopItem) => ReactNode
}

/** The loops of several projects, one row each, the worst first; between cells, what lags behind its left neighbour. */
export function LoopMatrix({ items, link, project }: MatrixProps) {
  const rows = items.toSorted((a, b) => worry(b.stations) - worry(a.stations))
  return (
    <div className="table-wrap">
      <table className="matrix" aria-label="The loop of each project">
        <thead>
          <tr>
            <th scope="col">Project</th>
            {stationNames.map((name, index) => (
              <th key={name} scope="col">
                <span className="row">
                  <StationIcon name={name} />
                  {stationTitle(name)}
                  <span className="muted" aria-hidden>
                    {index < stationNames.length - 1 ? '→' : '↺'}
                  </span>
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(item => (
            <tr key={item.project}>
              <th scope="row">{project(item)}</th>
              {stationNames.map(name => (
                <td key={name}>{cell(item, name, link)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function cell(item: LoopItem, name: Station['station'], link: MatrixProps['link']): ReactNode {
  const station = item.stations.find(each => each.station === name)
  if (!station) return <span className="muted">–</span>
  return (
    <>
      {station.lag && <LagBadge lag={station.lag} />}
      {link(item, station, <StationFace station={station} titled={false} />, `cell station-${station.state}`)}
    </>
  )
}
