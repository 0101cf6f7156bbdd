import { useSuspenseInfiniteQuery } from '@tanstack/react-query'
import { Fragment, useMemo, useState } from 'react'
import { events } from '../api.ts'
import { isRoutine, sentenceOf, type Part } from '../sentences.ts'
import { Empty } from '../ui/empty.tsx'
import { StateIcon } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import type { Event } from '../wire.ts'
import { To } from './link.tsx'

const shownMax = 20

/** What has happened, newest first, in sentences. What went as it always goes is left out until it is asked for. */
export function EventList({ project, showProject = false }: { project?: string; showProject?: boolean }) {
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = useSuspenseInfiniteQuery(events(project))
  const [isWhole, setWhole] = useState(false)
  const [limit, setLimit] = useState(shownMax)
  const all = useMemo(() => data.pages.flatMap(page => page.items), [data])
  const told = useMemo(() => (isWhole ? all : all.filter(event => !isRoutine(event))), [all, isWhole])
  if (all.length === 0)
    return (
      <Empty title="Nothing has happened yet" commands={['trainyard apply']}>
        Events appear here as they are committed.
      </Empty>
    )
  const older = (): void => {
    setLimit(limit + shownMax)
    if (limit + shownMax > told.length && hasNextPage) void fetchNextPage()
  }
  return (
    <>
      <ol className="events" aria-label="Events, newest first">
        {told.slice(0, limit).map(event => (
          <EventRow key={event.seq} event={event} showProject={showProject} />
        ))}
      </ol>
      <div className="more row" hidden={told.length === all.length && told.length <= limit && !isWhole && !hasNextPage}>
        {(told.length > limit || hasNextPage) && (
          <button type="button" className="tag" disabled={isFetchingNextPage} onClick={older}>
            {isFetchingNextPage ? 'Fetching…' : 'Older events'}
          </button>
        )}
        {(isWhole || told.length < all.length) && (
          <button type="button" className="tag" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
            {isWhole ? 'Leave out the routine' : 'Every event'}
          </button>
        )}
      </div>
    </>
  )
}

function EventRow({ event, showProject }: { event: Event; showProject: boolean }) {
  const { tone, parts } = sentenceOf(event)
  return (
    <li>
      <span className={`icon tone-${tone}`}>
        {tone === 'none' ? (
          <i className="event-dot" />
        ) : (
          <StateIcon state={tone === 'running' ? 'ready' : tone} size={14} />
        )}
      </span>
      <span title={event.type}>
        {parts.map((part, index) => (
          <Fragment key={index}>{words(part)}</Fragment>
        ))}
      </span>
      <span className="meta">
        <span className="by">{[showProject && event.project, event.actor].filter(Boolean).join(' · ')} · </span>
        <Ago at={event.at} />
      </span>
    </li>
  )
}

const words = (part: Part) => (typeof part === 'string' ? part : <To to={part.to}>{part.text}</To>)
