import { useQueryErrorResetBoundary } from '@tanstack/react-query'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { Problem } from '../http.ts'
import { Skeleton } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { Trouble } from '../ui/trouble.tsx'
import { To } from './link.tsx'

/** An address that leads nowhere. */
export const Lost = () => (
  <div className="page">
    <Empty title="There is no page at this address">
      It may be of a project that is gone. <To to="/">Back to the loop</To>
    </Empty>
  </div>
)

/** A page whose first answer has not come yet. */
export const Loading = () => (
  <div className="page">
    <Skeleton lines={9} />
  </div>
)

/** A page that cannot be shown: why, and what to do. */
export function Failed({ error, reset }: ErrorComponentProps) {
  const queries = useQueryErrorResetBoundary()
  const retry = (): void => {
    queries.reset()
    reset()
  }
  return (
    <div className="page">
      <Trouble error={error instanceof Error ? error : new Error(String(error))} onRetry={retry} />
      {error instanceof Problem && error.status === 404 && (
        <p className="small">
          <To to="/">Back to the loop</To>
        </p>
      )}
    </div>
  )
}
