import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { Pause, Play } from 'lucide-react'
import { pauseTrigger, triggersOf } from '../api.ts'
import { inline, instant } from '../format.ts'
import { State, Tag } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Trigger } from '../wire.ts'

/** What starts a pipeline, and whether it does now. */
export function PipelineTriggers({ project, pipeline }: { project: string; pipeline: string }) {
  const { data } = useSuspenseQuery(triggersOf(project))
  const own = data.items.filter(trigger => trigger.pipeline === pipeline)
  if (own.length === 0) return <Tag>started by hand or by the loop</Tag>
  return (
    <ul className="triggers" aria-label={`Triggers of ${pipeline}`}>
      {own.map(trigger => (
        <TriggerLine key={trigger.name} project={project} trigger={trigger} />
      ))}
    </ul>
  )
}

function TriggerLine({ project, trigger }: { project: string; trigger: Trigger }) {
  const { name, spec, nextAt, paused, last } = trigger
  const cache = useQueryClient()
  const change = useMutation({
    mutationFn: () => pauseTrigger(project, trigger, paused === undefined),
    onSuccess: () =>
      cache.invalidateQueries({ predicate: ({ queryKey }) => ['triggers', 'pipelines'].includes(String(queryKey[0])) }),
  })
  const verb = paused ? 'Resume' : 'Pause'
  const Icon = paused ? Play : Pause
  return (
    <li className="row">
      <Tag {...(paused && { state: 'cancelled' })}>{triggerWords(spec)}</Tag>
      {paused ? (
        <span className="muted">
          paused by {paused.by} <Ago at={paused.at} />
        </span>
      ) : (
        nextAt !== undefined && <span className="muted">next {instant(nextAt)}</span>
      )}
      {last?.error !== undefined && <State state="failed" label={`the last tick: ${last.error}`} />}
      <button
        type="button"
        className="tag row"
        disabled={change.isPending}
        title={
          paused
            ? 'Nothing that came meanwhile is made up for.'
            : 'It starts nothing until it is resumed; what comes meanwhile is not made up for.'
        }
        aria-label={`${verb} ${name} of ${trigger.pipeline}`}
        onClick={() => change.mutate()}
      >
        <Icon size={12} aria-hidden />
        {verb}
      </button>
      {change.error && <Trouble error={change.error} />}
    </li>
  )
}

/** A trigger in words: what a person would say of it. */
function triggerWords(trigger: Readonly<Record<string, unknown>>): string {
  const text = (name: string): string => inline(trigger[name] ?? '')
  const list = (name: string): string => (trigger[name] as readonly string[]).join(', ')
  switch (trigger['on']) {
    case 'schedule':
      return `at ${text('cron')} ${text('timeZone')}`
    case 'calendar':
      return `by the calendar ${text('rule') || list('dates')} ${text('timeZone')}`
    case 'push':
      return `when ${text('branch')} is pushed`
    case 'interval':
      return `every ${text('every')}`
    case 'dataset':
      return `when ${list('sources')} ${trigger['match'] === 'all' ? 'all have' : 'has'} a new version`
    case 'webhook':
      return 'when its webhook is called'
    case 'data':
      return `when new data arrives at ${text('source')}`
    case 'event':
      return `after ${text('type')}`
    default:
      return JSON.stringify(trigger)
  }
}
