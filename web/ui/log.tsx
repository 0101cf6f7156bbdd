import { useVirtualizer } from '@tanstack/react-virtual'
import { plural } from '../format.ts'
import { useEffect, useMemo, useRef, useState } from 'react'

const lineHeight = 18
const linesMax = 50_000
/** Of the box, and above and below its lines. */
const heightMax = 320
const margin = 8

/** Terminal colours and cursor moves: taken out, for a log is read, not replayed. Assembled from its code, which no source file should hold raw. */
const control = new RegExp(`${String.fromCodePoint(27)}\\[[0-9;?]*[A-Za-z]`, 'g')

/** The lines of a log. The newest 50,000 are kept; a carriage return overwrites its line, as progress bars expect. */
export function linesOf(text: string): { lines: string[]; dropped: number } {
  const lines = text
    .replace(control, '')
    .split('\n')
    .map(line => line.slice(line.replace(/\r$/, '').lastIndexOf('\r') + 1).replace(/\r$/, ''))
  if (lines.at(-1) === '') lines.pop()
  const dropped = Math.max(0, lines.length - linesMax)
  return { lines: dropped > 0 ? lines.slice(dropped) : lines, dropped }
}

/** A log that follows its end until it is scrolled up. Only the visible lines are in the page. */
export function LogView({ text, isRunning }: { text: string; isRunning: boolean }) {
  const { lines, dropped } = useMemo(() => linesOf(text), [text])
  const [follows, setFollows] = useState(true)
  const scroll = useRef<HTMLDivElement>(null)
  // The virtualizer is used here only, and handed to nothing that memoizes.
  // oxlint-disable-next-line react/incompatible-library
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => lineHeight,
    overscan: 20,
  })
  useEffect(() => {
    if (follows && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [follows, lines.length, rows])
  if (lines.length === 0)
    return (
      <p className="muted small card-body">{isRunning ? 'Waiting for the first line…' : 'This task wrote nothing.'}</p>
    )
  return (
    <div className="log">
      <div
        ref={scroll}
        className="log-scroll"
        style={{ height: Math.min(heightMax, lines.length * lineHeight + 2 * margin) }}
        role="log"
        aria-label="Log"
        // A scrolled region must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onScroll={({ currentTarget: box }) =>
          setFollows(box.scrollHeight - box.scrollTop - box.clientHeight < lineHeight * 2)
        }
      >
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map(({ index, start }) => (
            <div key={index} className="log-line" style={{ transform: `translateY(${start}px)` }}>
              <span className="log-number">{index + 1 + dropped}</span>
              {lines[index]}
            </div>
          ))}
        </div>
      </div>
      <div className="log-foot row small muted">
        {isRunning ? 'Live' : plural(lines.length + dropped, 'line')}
        {dropped > 0 && <span>the first {dropped} are in the file</span>}
        {(isRunning || lines.length * lineHeight > heightMax) && (
          <button type="button" className="tag push" aria-pressed={follows} onClick={() => setFollows(!follows)}>
            {follows ? 'Following' : 'Follow'}
          </button>
        )}
      </div>
    </div>
  )
}
