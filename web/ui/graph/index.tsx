import { lazy, Suspense } from 'react'
import { Skeleton } from '../card.tsx'
import type { GraphProps } from './graph.tsx'

const Graph = lazy(async () => ({ default: (await import('./graph.tsx')).Graph }))

/** The graph, fetched when the first one is shown. */
export const LazyGraph = (props: GraphProps) => (
  <Suspense fallback={<Skeleton lines={6} />}>
    <Graph {...props} />
  </Suspense>
)
