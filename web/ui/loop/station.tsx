import {
  Activity,
  Box,
  Database,
  Layers,
  MessageSquareReply,
  Rocket,
  TriangleAlert,
  Workflow,
  type LucideIcon,
} from 'lucide-react'
import type { Station, StationName } from '../../wire.ts'
import { withoutIds } from '../../format.ts'
import { StateIcon } from '../state.tsx'
import { Ago } from '../time.tsx'

const icons: Readonly<Record<StationName, LucideIcon>> = {
  data: Database,
  features: Layers,
  runs: Workflow,
  models: Box,
  deployments: Rocket,
  monitors: Activity,
  feedback: MessageSquareReply,
}
const titles: Readonly<Record<StationName, string>> = {
  data: 'Data',
  features: 'Features',
  runs: 'Runs',
  models: 'Models',
  deployments: 'Deployments',
  monitors: 'Monitors',
  feedback: 'Feedback',
}
const stateWords: Readonly<Record<Station['state'], string>> = {
  ok: 'in order',
  running: 'running',
  warn: 'needs a look',
  fail: 'failing',
  none: 'nothing yet',
}

export const stationTitle = (name: StationName): string => titles[name]

export function StationIcon({ name, size = 14 }: { name: StationName; size?: number }) {
  const Icon = icons[name]
  return <Icon size={size} aria-hidden />
}

/** What one station says: its name, state, newest version or number, and age. */
export function StationFace({ station, titled = true }: { station: Station; titled?: boolean }) {
  return (
    <>
      <span className="station-top">
        {titled && (
          <>
            <StationIcon name={station.station} />
            <b>{titles[station.station]}</b>
          </>
        )}
        <span className={`tone-${station.state} station-state`}>
          <StateIcon state={station.state} size={titled ? 16 : 14} />
          <span className="hidden">{stateWords[station.state]}</span>
        </span>
      </span>
      <span className="station-headline clip" title={station.headline}>
        {withoutIds(station.headline)}
      </span>
      <span className="station-detail" title={station.detail}>
        {withoutIds(station.detail)}
      </span>
      {station.at !== undefined && (
        <span className="station-age">
          <Ago at={station.at} />
        </span>
      )}
    </>
  )
}

/** Why the station to the right was not made from the newest of the one to the left. */
export function LagBadge({ lag }: { lag: string }) {
  return (
    <span className="lag" title={lag}>
      <TriangleAlert size={12} aria-hidden />
      <span>{lag}</span>
    </span>
  )
}
