import { number } from '../format.ts'
import { Card, Facts } from '../ui/card.tsx'
import { Ago } from '../ui/time.tsx'
import type { DeploymentDetail } from '../wire.ts'

/** Is the canary as good as the live revision? Nothing while there is none. */
export function CanaryCard({ deployment: { guard, revisions } }: { deployment: DeploymentDetail }) {
  if (!guard) return null
  const { requests, errors, slow, late, burn, evidence, slowEvidence } = guard
  const { controlRequests, controlErrors, controlSlow, controlLate } = guard
  const position = revisions.find(({ id }) => (id as string) === guard.revision)?.number
  const beside = (own: number, other: number): string => `${number(own)} beside ${number(other)}`
  return (
    <Card title="Canary" note={`revision ${position} beside the live one`}>
      <div className="stack">
        <p>{guard.reason}</p>
        <Facts
          facts={{
            Began: <Ago at={guard.since} />,
            Requests: beside(requests, controlRequests),
            Failed: beside(errors, controlErrors),
            Slow: beside(slow, controlSlow),
            Late: beside(late, controlLate),
            'Error budget': `spent ${short(burn)} times as fast as it lasts; 14.4 ends the canary`,
            'Evidence against it': `${short(evidence)} by failures, ${short(slowEvidence)} by slow answers; 5.25 ends it, −2.99 lets it pass`,
          }}
        />
      </div>
    </Card>
  )
}

const short = (nats: number): string => number(Number(nats.toFixed(2)))
