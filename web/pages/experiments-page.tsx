import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronRight, FlaskConical, Folder } from 'lucide-react'
import { useMemo, useState, type CSSProperties } from 'react'
import { experimentsOf } from '../api-tracking.ts'
import { leavesOf, treeOf, type Branch } from '../experiment-tree.ts'
import { number, plural } from '../format.ts'
import { experimentPath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Card } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, Tag } from '../ui/state.tsx'
import { NoMatch } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Experiment } from '../wire.ts'

const here = '/experiments'
const waitingMs = 2_000
const idleMs = 10_000

/** Which experiments are there, and where is something going on? */
export function ExperimentsPage() {
  const { view } = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const shown = view === 'deleted' ? 'deleted' : 'active'
  const { data } = useSuspenseQuery({
    ...experimentsOf(shown),
    // What clients log is no event of the platform: the page asks, and often while it waits for the first run.
    refetchInterval: ({ state }) => (state.data?.some(({ runs }) => runs > 0) ? idleMs : waitingMs),
  })
  const [wanted, setWanted] = useState('')
  const found = data.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()))
  const isWaiting = shown === 'active' && data.every(({ runs, running }) => runs + running === 0)
  const total = data.reduce((sum, { runs }) => sum + runs, 0)
  return (
    <Page
      title="Experiments"
      lede={isWaiting ? undefined : `${plural(data.length, 'experiment')}, ${plural(total, 'run')}`}
      actions={
        <>
          {data.length > 0 && !isWaiting && (
            <input
              type="search"
              className="select"
              aria-label="Find an experiment by its name"
              placeholder="Find by name"
              value={wanted}
              onChange={event => setWanted(event.currentTarget.value)}
            />
          )}
          <button
            type="button"
            className="tag"
            aria-pressed={shown === 'deleted'}
            onClick={() => void navigate({ search: shown === 'deleted' ? {} : { view: 'deleted' }, replace: true })}
          >
            Deleted
          </button>
        </>
      }
    >
      {isWaiting && <Waiting />}
      <Card flush>
        {data.length === 0 && <Empty title={shown === 'deleted' ? 'Nothing is in the trash' : 'No experiment yet'} />}
        {data.length > 0 && found.length === 0 && <NoMatch onClear={() => setWanted('')} />}
        {found.length > 0 && <Tree rows={found} isOpen={wanted !== '' || found.length <= openMax} />}
      </Card>
    </Page>
  )
}

/** With more experiments than these, folders are closed at first. */
const openMax = 40
/** Deeper folders are not moved further in. */
const depthMax = 8

/** Flips to the tree by itself when the first run arrives. */
const Waiting = () => (
  <Card>
    <Empty
      title="Waiting for the first run"
      commands={[
        `export MLFLOW_TRACKING_URI=${location.origin}`,
        'python -c "import mlflow; mlflow.start_run(); mlflow.log_metric(\'loss\', 0.1)"',
      ]}
    >
      <State state="running" label="listening" /> Any client of MLflow from 2.9 on may log here. This page changes when
      the run arrives.
    </Empty>
  </Card>
)

function Tree({ rows, isOpen }: { rows: readonly Experiment[]; isOpen: boolean }) {
  const tree = useMemo(() => treeOf(rows), [rows])
  return (
    <ul className="tree" aria-label="Experiments by folder">
      {tree.map(branch => (
        <Twig key={keyOf(branch)} branch={branch} depth={0} isOpenAtFirst={isOpen} />
      ))}
    </ul>
  )
}

/** Paths are not unique: projects may each have an experiment of one name. */
const keyOf = ({ path, experiment }: Branch<Experiment>): string => experiment?.id ?? path

interface TwigProps {
  readonly branch: Branch<Experiment>
  readonly depth: number
  readonly isOpenAtFirst: boolean
}

function Twig({ branch, depth, isOpenAtFirst }: TwigProps) {
  const [isOpen, setOpen] = useState<boolean>()
  const { title, path, experiment, branches } = branch
  const isShown = isOpen ?? isOpenAtFirst
  return (
    <li>
      <div className="twig" style={{ '--depth': Math.min(depth, depthMax) } as CSSProperties}>
        {branches.length > 0 ? (
          <button
            type="button"
            className="copy"
            aria-expanded={isShown}
            aria-label={`${isShown ? 'Close' : 'Open'} ${path}`}
            onClick={() => setOpen(!isShown)}
          >
            <ChevronRight size={14} className={isShown ? 'turned' : undefined} />
          </button>
        ) : (
          <span className="twig-room" />
        )}
        {experiment ? (
          <FlaskConical size={14} aria-hidden className="muted" />
        ) : (
          <Folder size={14} aria-hidden className="muted" />
        )}
        <span className="clip twig-name" title={path}>
          {experiment ? (
            <span className="strong">
              <To to={experimentPath(experiment.id)}>{title}</To>
            </span>
          ) : (
            title
          )}
          {experiment?.lifecycle === 'deleted' && <Tag>deleted</Tag>}
        </span>
        <Counts experiments={leavesOf(branch)} project={experiment?.project} />
      </div>
      {isShown && branches.length > 0 && (
        <ul>
          {branches.map(inner => (
            <Twig key={keyOf(inner)} branch={inner} depth={depth + 1} isOpenAtFirst={isOpenAtFirst} />
          ))}
        </ul>
      )}
    </li>
  )
}

function Counts({ experiments, project }: { experiments: readonly Experiment[]; project: string | undefined }) {
  const runs = experiments.reduce((sum, each) => sum + each.runs, 0)
  const running = experiments.reduce((sum, each) => sum + each.running, 0)
  const last = Math.max(...experiments.map(({ lastRunAt }) => lastRunAt ?? 0))
  return (
    <>
      <span className="muted small wide">{project}</span>
      <span>{running > 0 && <State state="running" label={`${number(running)} running`} />}</span>
      <span className="num small">{plural(runs, 'run')}</span>
      <span className="muted small twig-age">{runs > 0 ? <Ago at={last} /> : 'no run yet'}</span>
    </>
  )
}
