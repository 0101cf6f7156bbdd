import { duration } from '../../format.ts'
import { StateIcon, toneOf, words } from '../state.tsx'
import { useNow } from '../time.tsx'

interface GanttBar {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly startedAt?: number | undefined
  readonly endedAt?: number | undefined
}

interface GanttProps {
  readonly bars: readonly GanttBar[]
  /** When the run was created: what lies before the first bar is waiting. */
  readonly from: number
  readonly to?: number | undefined
  readonly selected?: string | undefined
  readonly onSelect: (id: string) => void
}

/** Where the time of a run went: one bar for each task, in order of start. */
export function Gantt({ bars, from: created, to, selected, onSelect }: GanttProps) {
  const now = useNow()
  const from = Math.min(created, ...bars.map(bar => bar.startedAt ?? created))
  const end = Math.max(from + 1, to ?? now, ...bars.map(bar => bar.endedAt ?? bar.startedAt ?? 0))
  const share = (at: number): number => ((at - from) / (end - from)) * 100
  const ordered = bars.toSorted((a, b) => (a.startedAt ?? Infinity) - (b.startedAt ?? Infinity))
  return (
    <div className="gantt">
      <ul>
        {ordered.map(bar => (
          <li key={bar.id}>
            <button type="button" data-selected={bar.id === selected} onClick={() => onSelect(bar.id)}>
              <span className={`gantt-name tone-${toneOf(bar.state)}`}>
                <StateIcon state={bar.state} size={13} />
                <span className="clip">{bar.name}</span>
              </span>
              <span className="gantt-track">
                {bar.startedAt !== undefined && (
                  <i
                    className={`gantt-bar tone-${toneOf(bar.state)}`}
                    style={{
                      left: `${share(bar.startedAt)}%`,
                      width: `${share(bar.endedAt ?? end) - share(bar.startedAt)}%`,
                    }}
                  />
                )}
              </span>
              <span className="num small muted">
                {bar.startedAt === undefined ? words(bar.state) : duration((bar.endedAt ?? end) - bar.startedAt)}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div className="gantt-axis small muted">
        <span>0 s</span>
        <span>{duration((end - from) / 2)}</span>
        <span>{duration(end - from)}</span>
      </div>
    </div>
  )
}
