import { useQueryClient } from '@tanstack/react-query'
import { answerIncident } from '../api.ts'
import { number, percent } from '../format.ts'
import { lineagePath, monitorPath, pathOf, sourcePath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Told } from '../shell/told.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State, Tag, words } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import type { Incident } from '../wire.ts'
import { Violations } from './source-page.tsx'

/** What changed, since when, how bad, and why most likely; and the two answers a person can give. */
export function IncidentCard({ incident }: { incident: Incident }) {
  const { project, deployment, source } = incident
  return (
    <article className="incident" aria-label={incident.title}>
      <header className="row">
        <State state={incident.severity} label={incident.severity === 'page' ? 'urgent' : 'not urgent'} />
        <h3>
          <To to={pathOf(incident.id, project)}>{incident.title}</To>
        </h3>
        <Tag>{words(incident.kind)}</Tag>
        {incident.state !== 'open' && <State state={incident.state} />}
        <span className="muted small push">
          opened <Ago at={incident.openedAt} />
        </span>
      </header>
      <ul className="evidence">
        {incident.evidence.map(sentence => (
          <li key={sentence}>
            <Told text={sentence} project={project} />
          </li>
        ))}
      </ul>
      {incident.causes.length > 0 && <Causes incident={incident} />}
      {incident.violations.length > 0 && <Violations violations={incident.violations} />}
      <footer className="row small">
        {deployment && <To to={monitorPath(project, deployment)}>Monitor of {deployment}</To>}
        {source && <To to={sourcePath(project, source)}>Source {source}</To>}
        <To to={lineagePath(incident.id)}>Lineage</To>
        <Answers incident={incident} />
      </footer>
      {incident.resolution && (
        <p className="small soft">
          Resolved: <Told text={incident.resolution} project={project} />
        </p>
      )}
    </article>
  )
}

const Causes = ({ incident: { causes } }: { incident: Incident }) => (
  <div className="table-wrap">
    <table className="table causes" aria-label="Causes, most likely first">
      <thead>
        <tr>
          <th scope="col">Likely cause</th>
          <th scope="col" className="right wide">
            Score
          </th>
          <th scope="col" className="right wide">
            Importance
          </th>
          <th scope="col">What was seen</th>
        </tr>
      </thead>
      <tbody>
        {causes.map(({ name, score, importance, sentence }) => (
          <tr key={name}>
            <td>
              <code>{name}</code>
            </td>
            <td className="right num wide">{number(score)}</td>
            <td className="right num wide">{percent(importance)}</td>
            <td className="soft">{sentence}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

function Answers({ incident }: { incident: Incident }) {
  const cache = useQueryClient()
  if (incident.state === 'resolved') return null
  const answer =
    (state: 'acknowledged' | 'resolved') =>
    async (reason: string): Promise<void> => {
      await answerIncident(incident.id, { state, resolution: reason })
      await cache.invalidateQueries({
        predicate: ({ queryKey }) => ['incidents', 'loop', 'monitors'].includes(String(queryKey[0])),
      })
    }
  return (
    <span className="row push">
      {incident.state === 'open' && (
        <ReasonButton
          label="Acknowledge"
          explain="Someone looks at it. It stays open, and a contract incident goes on blocking retraining."
          onConfirm={answer('acknowledged')}
        />
      )}
      <ReasonButton
        label="Resolve"
        explain="It is over. A contract incident stops blocking retraining."
        onConfirm={answer('resolved')}
      />
    </span>
  )
}
