import { useQueryClient } from '@tanstack/react-query'
import { Split } from 'lucide-react'
import { useId, useState } from 'react'
import { setTraffic } from '../api.ts'
import { ReasonButton } from '../ui/reason-button.tsx'
import type { DeploymentDetail } from '../wire.ts'

/** Splits requests between two revisions. */
export function TrafficButton({ deployment }: { deployment: DeploymentDetail }) {
  const cache = useQueryClient()
  const label = useId()
  const [first, second] = deployment.revisions.toSorted((a, b) => b.weight - a.weight || b.number - a.number)
  const [share, setShare] = useState(second?.weight ?? 0)
  const apply = async (reason: string): Promise<void> => {
    await setTraffic(deployment.name, { [first!.id]: 100 - share, [second!.id]: share }, reason)
    await cache.invalidateQueries({ queryKey: ['deployment', deployment.name] })
  }
  const name = (revision: typeof first): string => `revision ${revision?.number} (v${revision?.versionNumber})`
  return (
    <ReasonButton
      label="Move traffic"
      icon={<Split size={13} />}
      explain="Takes effect with the next request; answers under way are finished by the revision that began them."
      disabledReason={second ? undefined : 'There is only one revision.'}
      onConfirm={apply}
    >
      <div className="stack-tight">
        <label htmlFor={label} className="row">
          <span>
            {name(first)}: {100 - share} %
          </span>
          <span className="push">
            {name(second)}: {share} %
          </span>
        </label>
        <input
          id={label}
          type="range"
          min={0}
          max={100}
          step={5}
          value={share}
          onChange={event => setShare(Number(event.target.value))}
        />
      </div>
    </ReasonButton>
  )
}
