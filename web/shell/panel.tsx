import { QueryErrorResetBoundary } from '@tanstack/react-query'
import { useLocation } from '@tanstack/react-router'
import { Suspense } from 'react'
import { Card, Skeleton, type CardProps } from '../ui/card.tsx'
import { Boundary } from '../ui/trouble.tsx'

/** A card that fetches what it shows: a skeleton while it waits, its own trouble when that fails. */
export function Panel({ children, lines, ...card }: CardProps & { readonly lines?: number }) {
  return (
    <Card {...card}>
      <Fetched lines={lines}>{children}</Fetched>
    </Card>
  )
}

export function Fetched({ children, lines = 4 }: { children: React.ReactNode; lines?: number | undefined }) {
  const asked = useLocation({ select: ({ href }) => href })
  return (
    <QueryErrorResetBoundary>
      {({ reset }) => (
        <Boundary onReset={reset} asked={asked}>
          <Suspense fallback={<Skeleton lines={lines} />}>{children}</Suspense>
        </Boundary>
      )}
    </QueryErrorResetBoundary>
  )
}
