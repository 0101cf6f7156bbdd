import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { decideTask, outputUrl, readLog } from '../api.ts'
import { bytes, inline, number } from '../format.ts'
import { Ref } from '../shell/link.tsx'
import { Card, Facts, Tabs } from '../ui/card.tsx'
import { Id } from '../ui/copy.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State } from '../ui/state.tsx'
import { Took } from '../ui/time.tsx'
import type { Task } from '../wire.ts'
import { GrowingLog } from './growing-log.tsx'
import { TaskCalls } from './task-calls.tsx'
import { TaskRecord } from './task-record.tsx'

const tabs: Readonly<Record<string, string>> = { about: 'What it did', record: 'How it ran', log: 'Log' }
const tabsOfMany: typeof tabs = { calls: 'Its items', about: 'What it did', log: 'Log' }

function firstTab({ items, kind, state }: Task): string {
  if (items) return 'calls'
  const isCode = kind === 'run' || kind === 'function'
  return state !== 'skipped' && state !== 'cached' && (isCode || state === 'failed') ? 'log' : 'about'
}

interface TaskPanelProps {
  readonly task: Task
  readonly project: string
  readonly onSelect: (task: string) => void
}

/** One task of a run: what went in, what came out, what it wrote. */
export function TaskPanel({ task, project, onSelect }: TaskPanelProps) {
  const [tab, setTab] = useState(firstTab(task))
  return (
    <Card title={task.name} note={task.kind} actions={<State state={task.state} />} flush>
      {task.error && (
        <div className="card-body">
          <div className="trouble" role="alert">
            <b>{task.error}</b>
          </div>
        </div>
      )}
      {task.approval && task.state === 'waiting' && <Decide task={task} approval={task.approval} />}
      <Tabs label="About this task" tabs={task.items ? tabsOfMany : tabs} value={tab} onChange={setTab} />
      {tab === 'calls' && <TaskCalls task={task} onSelect={onSelect} />}
      {tab === 'about' && <About task={task} project={project} />}
      {tab === 'record' && <TaskRecord task={task} />}
      {tab === 'log' && (
        <GrowingLog of={['log', task.id, task.attempt]} read={(offset, signal) => readLog(task.id, offset, signal)} />
      )}
    </Card>
  )
}

function Decide({ task, approval }: { task: Task; approval: NonNullable<Task['approval']> }) {
  const cache = useQueryClient()
  const decide = (verdict: 'approve' | 'reject') => (reason: string) =>
    decideTask(task.run, task.id, { verdict, reason }).then(() =>
      cache.invalidateQueries({ queryKey: ['run', task.run] }),
    )
  return (
    <div className="card-body row">
      <span>
        <b>{approval.message}</b> <span className="muted">Decided by {approval.roles.join(' or ')}.</span>
      </span>
      <ReasonButton
        label="Approve"
        primary
        explain="The run goes on. Your reason is kept with the decision."
        onConfirm={decide('approve')}
      />
      <ReasonButton
        label="Reject"
        danger
        explain="This task fails, and what is behind it is skipped."
        onConfirm={decide('reject')}
      />
    </div>
  )
}

const About = ({ task, project }: { task: Task; project: string }) => (
  <div className="card-body stack">
    <Facts
      facts={{
        Took: <Took from={task.startedAt} to={task.endedAt} />,
        Attempt: `${task.attempt} of ${task.attemptsMax}`,
        'Waits for': task.waitingFor,
        Because: task.reason,
        Run: task.child && <Ref id={task.child} project={project} />,
        'Result of': task.producer && <Ref id={task.producer} project={project} />,
        Item: task.index !== undefined && <code className="clip">{inline(task.item)}</code>,
        Needs: task.needs.join(', '),
        Id: <Id id={task.id} />,
      }}
    />
    <div className="split">
      <Artifacts title="Inputs" artifacts={task.inputs} project={project} />
      <Artifacts title="Outputs" artifacts={task.outputs} project={project} urlOf={name => outputUrl(task.id, name)} />
    </div>
    <div className="split">
      <Values title="Parameters" values={task.params} />
      <Values title="Metrics" values={task.metrics} />
    </div>
  </div>
)

interface ArtifactsProps {
  readonly title: string
  readonly artifacts: Task['inputs']
  readonly project: string
  readonly urlOf?: (name: string) => string
}

const Artifacts = ({ title, artifacts, project, urlOf }: ArtifactsProps) => (
  <section className="stack-tight">
    <h3>{title}</h3>
    {Object.keys(artifacts).length === 0 && <p className="muted small">none</p>}
    <ul className="stack-tight small">
      {Object.entries(artifacts).map(([name, { digest, size, ref, value }]) => (
        <li key={name} className="row">
          <code>{name}</code>
          {ref && <Ref id={ref} project={project} />}
          {digest && <Id id={digest} />}
          {size !== undefined && <span className="muted">{bytes(size)}</span>}
          {value !== undefined && <span className="clip value">{inline(value)}</span>}
          {urlOf && digest && (
            <a href={urlOf(name)} download>
              download
            </a>
          )}
        </li>
      ))}
    </ul>
  </section>
)

const Values = ({ title, values }: { title: string; values: Readonly<Record<string, unknown>> }) => (
  <section className="stack-tight">
    <h3>{title}</h3>
    {Object.keys(values).length === 0 ? (
      <p className="muted small">none</p>
    ) : (
      <Facts
        facts={Object.fromEntries(
          Object.entries(values).map(([name, value]) => [
            name,
            <code key={name}>{typeof value === 'number' ? number(value) : inline(value)}</code>,
          ]),
        )}
      />
    )}
  </section>
)
