import { Card } from '../ui/card.tsx'
import { TrafficHistory } from '../ui/charts/traffic.tsx'
import { Ago } from '../ui/time.tsx'
import type { DeploymentDetail } from '../wire.ts'

const shownMax = 12
const shades = 5

/** Who moved traffic, when, and why: shares after each change above, the changes in words below. */
export function TrafficTimeline({ deployment: { traffic, revisions } }: { deployment: DeploymentDetail }) {
  const newest = traffic.toSorted((a, b) => b.at - a.at).slice(0, shownMax)
  const order: readonly string[] = revisions.toSorted((a, b) => a.number - b.number).map(({ id }) => id)
  const labels = Object.fromEntries(
    revisions.map(({ id, number, versionNumber }) => [id, `revision ${number} · v${versionNumber}`]),
  )
  const shade = (id: string): number => Math.max(0, order.indexOf(id)) % shades
  return (
    <Card title="Changes of traffic" note="oldest at the left">
      {newest.length === 0 ? (
        <p className="muted small">Traffic has not changed yet.</p>
      ) : (
        <div className="stack">
          <TrafficHistory steps={newest.toReversed()} order={order} labels={labels} />
          <ol className="timeline">
            {newest.map(({ at, actor, reason, weights }) => (
              <li key={at}>
                <span className="row">
                  {Object.entries(weights)
                    .filter(([, weight]) => weight > 0)
                    .map(([id, weight]) => (
                      <span key={id} className="nowrap">
                        <i className={`swatch shade-${shade(id)}`} />
                        {labels[id] ?? id} {weight} %
                      </span>
                    ))}
                </span>
                <div className="muted small">
                  {reason} {actor}, <Ago at={at} />
                </div>
              </li>
            ))}
          </ol>
        </div>
      )}
    </Card>
  )
}
