import { Button } from '@mantine/core'
import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
  useSuspenseQuery,
} from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { channelsOf, notificationsOf, resendNotification } from '../api-notifications.ts'
import { instant, plural } from '../format.ts'
import { To } from '../shell/link.tsx'
import { Skeleton } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { NoMatch, Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Notification } from '../wire.ts'

const here = '/p/$project/notifications'
const states: readonly Notification['state'][] = ['waiting', 'delivered', 'failed']

interface Chosen {
  readonly channel?: string
  readonly state?: string
}

export function NotificationFilters({ project }: { project: string }) {
  const { channel = '', state = '' } = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const { data } = useSuspenseQuery(channelsOf(project))
  const choose = (change: Chosen): void => {
    const search = Object.entries({ channel, state, ...change }).filter(([, value]) => value !== '')
    void navigate({ search: Object.fromEntries(search), replace: true })
  }
  return (
    <>
      <Choice
        label="Channel"
        all="all channels"
        names={data.items.map(({ name }) => name)}
        value={channel}
        onChoose={value => choose({ channel: value })}
      />
      <Choice
        label="State"
        all="all states"
        names={states}
        value={state}
        onChoose={value => choose({ state: value })}
      />
    </>
  )
}

interface ChoiceProps {
  readonly label: string
  readonly all: string
  readonly names: readonly string[]
  readonly value: string
  onChoose(value: string): void
}

/** A link may name what is not, or no longer, one of the names: it is shown as it is, and the API says what is allowed. */
const Choice = ({ label, all, names, value, onChoose }: ChoiceProps) => (
  <select className="select" aria-label={label} value={value} onChange={event => onChoose(event.target.value)}>
    <option value="">{all}</option>
    {[...new Set([...names, ...(value === '' ? [] : [value])])].map(name => (
      <option key={name}>{name}</option>
    ))}
  </select>
)

export function NotificationLog({ project }: { project: string }) {
  const { channel, state } = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    ...notificationsOf(project, { channel, state }),
    placeholderData: keepPreviousData,
    throwOnError: true,
  })
  if (!data) return <Skeleton lines={8} />
  const empty =
    channel || state ? (
      <NoMatch onClear={() => void navigate({ search: {} })} />
    ) : (
      <Empty title="Nothing was told yet">Every message is listed here with its tries and what was answered.</Empty>
    )
  return (
    <>
      <Table
        label="Messages, newest first"
        rows={data.pages.flatMap(({ items }) => items)}
        columns={columns}
        keyOf={({ id }) => id}
        empty={empty}
      />
      {hasNextPage && (
        <div className="more">
          <button type="button" className="tag" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {isFetchingNextPage ? 'Fetching…' : 'Older messages'}
          </button>
        </div>
      )}
    </>
  )
}

const columns: readonly Column<Notification>[] = [
  {
    title: 'Message',
    cell: ({ kind, title, path, why }) => (
      <>
        <To to={path}>{title}</To>
        <div className="small muted lines">{why ?? kind}</div>
      </>
    ),
  },
  { title: 'State', cell: notification => <Became notification={notification} /> },
  {
    title: 'What the receiver said',
    cell: ({ error, status, answer }) => (
      <span className="small soft lines">
        {error ?? (status === undefined ? '–' : `${status}`)}
        {answer && <div className="muted">{answer}</div>}
      </span>
    ),
    wide: true,
  },
  { title: 'When', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right', wide: true },
  { title: '', cell: notification => <Again notification={notification} />, align: 'right' },
]

/** What became of it at its channel, after how many tries, and when it is tried next. */
const Became = ({ notification: { channel, state, attempts, nextAt, replayOf } }: { notification: Notification }) => (
  <>
    <State state={state} />
    <div className="small muted">
      {channel}, {attempts === 0 ? 'not tried yet' : plural(attempts, 'try', 'tries')}
      {state === 'waiting' && attempts > 0 && nextAt !== undefined && `, next ${instant(nextAt)}`}
      {replayOf !== undefined && ', sent again'}
    </div>
  </>
)

function Again({ notification: { id, project, state, title } }: { notification: Notification }) {
  const cache = useQueryClient()
  const again = useMutation({
    mutationFn: () => resendNotification(project, id),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['notifications', project] }),
  })
  if (state === 'waiting') return null
  return (
    <>
      <Button
        size="xs"
        color="ink"
        variant={state === 'failed' ? 'default' : 'subtle'}
        loading={again.isPending}
        onClick={() => again.mutate()}
        aria-label={`Resend: ${title}`}
      >
        Resend
      </Button>
      {again.error && <Trouble error={again.error} />}
    </>
  )
}
