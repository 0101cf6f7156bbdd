import type { EngineEnd, Observation } from './engine.ts'
import type { RemoteNode } from './store.ts'
import type { NodeEnd } from './wire.ts'

/**
 * What has become of an attempt on other machines, by its two witnesses: the nodes, which report by themselves, and the
 * engine. A node's own word is believed first. An engine that does not answer says nothing; one that does not know a job
 * may have forgotten it while the job runs on.
 */
export type Verdict =
  /** Nothing has begun. */
  | { readonly kind: 'waiting' }
  /** Something has, and not all has ended. */
  | { readonly kind: 'running' }
  /** As the nodes say; of several the first that failed. */
  | { readonly kind: 'reported'; readonly end: NodeEnd }
  /** As the engine says; the nodes have said nothing. */
  | { readonly kind: 'ended'; readonly end: EngineEnd; readonly hasBegun: boolean }
  /** Nobody can tell how it ended. */
  | { readonly kind: 'lost'; readonly why: string }

export interface Testimony {
  readonly nodes: readonly RemoteNode[]
  /** How many there are to be. */
  readonly nodeCount: number
  readonly observation: Observation
  /** Since when the engine has said the same, and since when anyone has listened here. */
  readonly observedSince: number
  readonly listeningSince: number
  readonly now: number
}

/** How long a report may still be on its way when the engine says that the job is over, or has never heard of it. */
const reportMs = 10_000

export function judge(testimony: Testimony, silenceMs: number): Verdict {
  const { nodes, nodeCount, observation, observedSince, now } = testimony
  const reported = reportOf(nodes, nodeCount)
  if (reported) return { kind: 'reported', end: reported }
  const hasBegun = nodes.length > 0
  const isSilent = hasBegun && nodes.some(node => node.end === undefined && silentMs(node, testimony) > silenceMs)
  const open = hasBegun ? 'running' : 'waiting'
  const isLate = now - observedSince > reportMs
  switch (observation.state) {
    case 'ended':
      if (!isLate) return { kind: 'running' }
      return { kind: 'ended', end: observation.end, hasBegun }
    case 'absent':
      if (!isLate || (hasBegun && !isSilent)) return { kind: open }
      return { kind: 'lost', why: 'The engine does not know the job any more.' }
    case 'running':
      if (isSilent) return { kind: 'lost', why: 'Its node has not been heard of, though the engine says that it runs.' }
      return { kind: open }
    case 'queued':
      if (isSilent)
        return { kind: 'lost', why: `The engine has put it back into its queue${words(observation.because)}.` }
      return { kind: open }
    case 'unknown':
      return { kind: open }
  }
}

/** While nobody listened, nobody was heard. */
const silentMs = ({ seenAt }: RemoteNode, { listeningSince, now }: Testimony): number =>
  now - Math.max(seenAt, listeningSince)

function reportOf(nodes: readonly RemoteNode[], nodeCount: number): NodeEnd | undefined {
  const ends = nodes.flatMap(({ end }) => (end ? [end] : []))
  const bad = ends.find(end => end.failure !== undefined || end.exit?.cause !== 'succeeded')
  if (bad) return bad
  return ends.length === nodeCount ? ends[0] : undefined
}

const words = (because: string | undefined): string => (because === undefined ? '' : `: ${because}`)
