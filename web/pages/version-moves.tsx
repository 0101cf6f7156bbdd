import { useQueryClient } from '@tanstack/react-query'
import { ArrowUp } from 'lucide-react'
import { moveVersion } from '../api.ts'
import { ReasonButton } from '../ui/reason-button.tsx'
import type { ModelVersion } from '../wire.ts'

const cannotPromote = ({ stage, evaluation }: ModelVersion): string | undefined => {
  if (stage === 'production') return 'It is in production already.'
  if (evaluation && !evaluation.gate.passed) return 'It did not pass its gate.'
  return stage === 'staging' || stage === 'archived'
    ? undefined
    : `A version in ${stage} cannot be promoted; one in staging or archived can.`
}

/** The moves that a person can make with a version: each is recorded with its reason. */
export function Moves({ version }: { version: ModelVersion }) {
  const cache = useQueryClient()
  const move =
    (to: ModelVersion['stage']) =>
    async (reason: string): Promise<void> => {
      await moveVersion(version.id, to, reason)
      await cache.invalidateQueries({
        predicate: ({ queryKey }) => String(queryKey[0]).startsWith('model') || queryKey[0] === 'loop',
      })
    }
  const name = `${version.model} v${version.version}`
  return (
    <>
      {version.stage === 'staging' && (
        <ReasonButton
          label="Reject"
          danger
          explain={`${name} goes to the archive and is not promoted.`}
          onConfirm={move('archived')}
        />
      )}
      <ReasonButton
        label={version.stage === 'archived' ? 'Promote again' : 'Promote'}
        icon={<ArrowUp size={14} />}
        primary
        explain={`${name} moves to production. Its bundle is built and rehearsed, then it takes traffic as a canary; the version that it replaces is archived.`}
        disabledReason={cannotPromote(version)}
        onConfirm={move('production')}
      />
    </>
  )
}
