import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { feedbackOf, incidentsOf } from '../api.ts'
import { Ref, To } from '../shell/link.tsx'
import { lineagePath, monitorPath } from '../paths.ts'
import { shortId } from '../format.ts'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, words } from '../ui/state.tsx'
import { IncidentCard } from './incident-card.tsx'

/** One incident with its evidence, and what was done about it. */
export function IncidentPage() {
  const { project, incident: id } = useParams({ from: '/p/$project/incidents/$incident' })
  const { data } = useSuspenseQuery(incidentsOf(project))
  const incident = data.items.find(each => each.id === id)
  return (
    <Page
      title={incident?.title ?? 'Incident'}
      above={[
        [project, `/p/${project}`],
        ['Inbox', `/p/${project}/inbox`],
      ]}
      badge={incident && <State state={incident.state} />}
    >
      <Card flush>
        {incident ? (
          <IncidentCard incident={incident} />
        ) : (
          <Empty title="This incident is not among the newest">
            Its <To to={lineagePath(id)}>lineage</To> is kept.
          </Empty>
        )}
      </Card>
      {incident && incident.windows.length > 0 && (
        <Card title="Windows">
          <span className="row small">
            {incident.windows.map(window => (
              <To
                key={window}
                to={
                  incident.deployment
                    ? `${monitorPath(project, incident.deployment)}?window=${window}`
                    : lineagePath(window)
                }
                className="mono"
              >
                {shortId(window)}
              </To>
            ))}
          </span>
        </Card>
      )}
      <Panel title="What it led to">
        <LedTo project={project} incident={id} />
      </Panel>
    </Page>
  )
}

function LedTo({ project, incident }: { project: string; incident: string }) {
  const { data } = useSuspenseQuery(feedbackOf(project))
  const items = data.items.filter(item => item.incident === incident)
  if (items.length === 0) return <p className="muted small">No feedback item was made from it.</p>
  return (
    <ol className="timeline">
      {items.map(({ id, receiver, title, action, run }) => (
        <li key={id}>
          <b className="strong">{title}</b>, to {words(receiver)} {run && <Ref id={run} project={project} />}
          <div className="muted small">{action}</div>
        </li>
      ))}
    </ol>
  )
}
