import { Ref } from '../shell/link.tsx'
import type { Run } from '../wire.ts'

/** What a run that is held waits for. */
export const Behind = ({ run, behind }: { run: Pick<Run, 'project'>; behind: string }) => (
  <span className="muted small">
    Held: behind run <Ref id={behind} project={run.project} />.
  </span>
)
