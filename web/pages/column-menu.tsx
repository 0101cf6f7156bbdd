import { Popover } from '@mantine/core'
import { Columns3 } from 'lucide-react'
import { useState } from 'react'
import { columnText, type LoggedColumn } from '../run-query.ts'

interface ColumnMenuProps {
  readonly known: {
    readonly metrics: readonly string[]
    readonly params: readonly string[]
    readonly tagKeys: readonly string[]
  }
  readonly columns: readonly LoggedColumn[]
  readonly onChange: (columns: readonly LoggedColumn[]) => void
}

const titles = { metrics: 'Metrics', params: 'Parameters', tags: 'Tags' } as const
const shownMax = 100

/** Which metrics, params and tags are columns. */
export function ColumnMenu({ known, columns, onChange }: ColumnMenuProps) {
  const [wanted, setWanted] = useState('')
  const chosen = new Set(columns.map(columnText))
  const toggle = (column: LoggedColumn): void =>
    onChange(
      chosen.has(columnText(column))
        ? columns.filter(each => columnText(each) !== columnText(column))
        : [...columns, column],
    )
  const groups = { metrics: known.metrics, params: known.params, tags: known.tagKeys }
  return (
    <Popover position="bottom-end" width={300} shadow="md" transitionProps={{ duration: 60 }}>
      <Popover.Target>
        <button type="button" className="tag">
          <Columns3 size={13} aria-hidden /> Columns
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="column-menu">
          <input
            type="search"
            className="select"
            aria-label="Find a column"
            placeholder="Find a column"
            value={wanted}
            onChange={event => setWanted(event.currentTarget.value)}
          />
          <div className="column-list">
            {(Object.keys(groups) as (keyof typeof groups)[]).map(kind => {
              const keys = groups[kind].filter(key => key.toLowerCase().includes(wanted.toLowerCase()))
              return (
                keys.length > 0 && (
                  <fieldset key={kind}>
                    <legend>{titles[kind]}</legend>
                    {keys.slice(0, shownMax).map(key => (
                      <label key={key} title={key}>
                        <input
                          type="checkbox"
                          checked={chosen.has(columnText({ kind, key }))}
                          onChange={() => toggle({ kind, key })}
                        />
                        <span className="clip">{key}</span>
                      </label>
                    ))}
                    {keys.length > shownMax && (
                      <p className="muted small">{keys.length - shownMax} more: find them by name</p>
                    )}
                  </fieldset>
                )
              )
            })}
          </div>
          <div className="row">
            <button type="button" className="tag" onClick={() => onChange([])}>
              None
            </button>
          </div>
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}
