import { Button } from '@mantine/core'
import { useMutation, useSuspenseQuery } from '@tanstack/react-query'
import { Send } from 'lucide-react'
import { channelsOf, testChannel } from '../api-notifications.ts'
import { Command } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, Tag } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Channel } from '../wire.ts'

const declaration = `notifications:
  channels:
    team: { type: slack, url: { secret: SLACK_URL } }
    ops: { type: email, to: [ops@example.org] }
    pager: { type: webhook, url: https://pager.example.org/hooks/ml }
  rules:
    - { on: [run.failed, run.recovered], to: [team] }
    - { on: [incident.opened, incident.closed], to: [ops, pager] }`

export function Channels({ project }: { project: string }) {
  const { data } = useSuspenseQuery(channelsOf(project))
  return (
    <Table
      label="Channels"
      rows={data.items}
      columns={columnsOf(project)}
      keyOf={({ name }) => name}
      empty={
        <>
          <Empty title="Nobody is told">
            {`Declare in the project file who wants to know of failed runs, incidents and waiting approvals, and apply it. An
              address that is a key is a secret: \`trainyard secrets set SLACK_URL --project ${project}\`.`}
          </Empty>
          <div className="card-body">
            <Command text={declaration} block />
          </div>
        </>
      }
    />
  )
}

const typeWords: Readonly<Record<Channel['type'], string>> = { webhook: 'webhook', slack: 'Slack', email: 'e-mail' }

const columnsOf = (project: string): readonly Column<Channel>[] => [
  {
    title: 'Channel',
    cell: ({ name, from }) => (
      <>
        <span className="strong">{name}</span>
        <div className="small muted">{from === 'project' ? 'of the project file' : 'of the platform’s settings'}</div>
      </>
    ),
  },
  {
    title: 'Leads to',
    cell: ({ type, target }) => (
      <>
        {typeWords[type]}
        <div className="small muted long-text">{target}</div>
      </>
    ),
  },
  {
    title: 'Told of',
    cell: ({ on }) =>
      on.length === 0 ? (
        <span className="muted">nothing: no rule names it</span>
      ) : (
        <span className="tags">
          {on.map(kind => (
            <Tag key={kind}>{kind}</Tag>
          ))}
        </span>
      ),
    wide: true,
  },
  { title: '', cell: ({ name }) => <Test project={project} channel={name} />, align: 'right' },
]

/** Sends an example, and shows what the receiver makes of it. */
function Test({ project, channel }: { project: string; channel: string }) {
  const test = useMutation({ mutationFn: () => testChannel(project, channel) })
  return (
    <div className="stack-tight test-answer">
      <Button
        size="xs"
        color="ink"
        variant="default"
        leftSection={<Send size={13} />}
        loading={test.isPending}
        onClick={() => test.mutate()}
        aria-label={`Test ${channel}`}
      >
        Test
      </Button>
      {test.data && (
        <output className="small">
          <State state={test.data.success ? 'delivered' : 'failed'} label={test.data.success ? 'taken' : 'not taken'} />
          <div className="soft lines">{test.data.error ?? answerWords(test.data)}</div>
        </output>
      )}
      {test.error && <Trouble error={test.error} />}
    </div>
  )
}

const answerWords = ({ status, answer }: { status?: number | undefined; answer?: string | undefined }): string =>
  [`It answered ${status}`, answer].filter(Boolean).join(': ')
