import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Undo2 } from 'lucide-react'
import { useMemo } from 'react'
import { deploymentOf, rollBack } from '../api.ts'
import { latency, number, percent } from '../format.ts'
import { lineagePath, modelPath, monitorPath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card, Facts } from '../ui/card.tsx'
import { LazyTimePlot, type Line } from '../ui/charts/index.tsx'
import { TrafficBands } from '../ui/charts/traffic.tsx'
import { Command } from '../ui/copy.tsx'
import { Prose } from '../ui/prose.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago, useNow } from '../ui/time.tsx'
import type { DeploymentDetail, ServedRevision, Signature } from '../wire.ts'
import { serving } from './deployments-page.tsx'
import { CanaryCard } from './canary-card.tsx'
import { OutcomesCard } from './outcomes-card.tsx'
import { Predictions } from './predictions.tsx'
import { QueuesCard } from './queues-card.tsx'
import { ShadowsCard } from './shadows-card.tsx'
import { TrafficButton } from './traffic-button.tsx'
import { TrafficTimeline } from './traffic-timeline.tsx'

const liveMs = 5_000

/** What serves, what changed, and can it be undone? */
export function DeploymentPage() {
  const { project, deployment: name } = useParams({ from: '/p/$project/deployments/$deployment' })
  const { data: deployment } = useSuspenseQuery({ ...deploymentOf(name), refetchInterval: liveMs })
  return (
    <Page
      title={name}
      above={[
        [project, `/p/${project}`],
        ['Deployments', `/p/${project}/deployments`],
      ]}
      badge={<State state={deployment.state} />}
      lede={
        <>
          Serves <To to={modelPath(project, deployment.model)}>{deployment.model}</To>, watched by its{' '}
          <To to={monitorPath(project, name)}>monitor</To>
        </>
      }
      actions={<Actions deployment={deployment} />}
    >
      <Card title="Traffic">
        <div className="stack">
          <TrafficBands
            bands={serving(deployment.revisions).map(revision => ({
              ...revision,
              label: `revision ${revision.number} · v${revision.versionNumber}`,
            }))}
          />
          <Facts facts={limitsOf(deployment)} />
        </div>
      </Card>
      <Card title="Revisions" flush>
        <Table
          label="Revisions, newest first"
          rows={deployment.revisions.toSorted((a, b) => b.number - a.number)}
          columns={columnsOf(project)}
          keyOf={({ id }) => id}
          empty={<p className="card-body muted">No revision yet.</p>}
        />
      </Card>
      <CanaryCard deployment={deployment} />
      <ShadowsCard deployment={deployment} />
      <QueuesCard deployment={name} />
      <OutcomesCard deployment={name} />
      <div className="split">
        <Requests deployment={deployment} />
        <TrafficTimeline deployment={deployment} />
      </div>
      <Panel title="Try it" note="the model server speaks Open Inference Protocol v2">
        <TryIt deployment={deployment} />
      </Panel>
      <Panel title="Recent predictions" flush lines={6}>
        <Predictions deployment={deployment} />
      </Panel>
    </Page>
  )
}

/** What the project file says of its requests. */
const limitsOf = ({
  sticky,
  log: { oneIn, leaveOut, redact },
  limits: { deadlineMs, queueRows, clientRate },
}: DeploymentDetail): Record<string, string> => ({
  ...(sticky && { 'One revision for each': sticky === 'entity' ? 'entity' : `value of ${sticky.header}` }),
  ...(oneIn > 1 && { 'Written down': `one request in ${number(oneIn)}, and all that fail` }),
  ...(leaveOut.length + redact.length > 0 && { 'Not written down': [...leaveOut, ...redact].join(', ') }),
  ...(deadlineMs !== undefined && { Deadline: `${number(deadlineMs)} ms` }),
  ...(queueRows !== undefined && { 'Rows that may wait': number(queueRows) }),
  ...(clientRate !== undefined && { 'Requests a second of each client': number(clientRate) }),
})

function Actions({ deployment }: { deployment: DeploymentDetail }) {
  const cache = useQueryClient()
  const then = (): Promise<void> => cache.invalidateQueries({ queryKey: ['deployment', deployment.name] })
  return (
    <>
      <TrafficButton deployment={deployment} />
      <ReasonButton
        label="Roll back"
        icon={<Undo2 size={13} />}
        danger
        explain="All traffic returns to the revision that was live before. No request is lost."
        disabledReason={deployment.revisions.length < 2 ? 'There is no earlier revision to return to.' : undefined}
        onConfirm={reason => rollBack(deployment.name, reason).then(then)}
      />
    </>
  )
}

const columnsOf = (project: string): readonly Column<ServedRevision>[] => [
  {
    title: 'Revision',
    cell: ({ id, number: position }) => (
      <span className="strong">
        <To to={lineagePath(id)}>{position}</To>
      </span>
    ),
  },
  { title: 'State', cell: ({ state }) => <State state={state} /> },
  {
    title: 'Version',
    cell: ({ version, versionNumber }) => (
      <Ref id={version} project={project}>
        v{versionNumber}
      </Ref>
    ),
  },
  {
    title: 'Traffic',
    cell: ({ weight, shadow }) => (shadow > 0 ? `copies of ${number(shadow)} %` : `${number(weight)} %`),
    align: 'right',
  },
  { title: 'Requests', cell: ({ requests }) => number(requests), align: 'right' },
  {
    title: 'Errors',
    cell: ({ requests, errors }) => (requests === 0 ? '–' : percent(errors / requests, 2)),
    align: 'right',
    wide: true,
  },
  { title: 'p50', cell: ({ latencyP50Ms }) => latency(latencyP50Ms), align: 'right', wide: true },
  { title: 'p95', cell: ({ latencyP95Ms }) => latency(latencyP95Ms), align: 'right', wide: true },
  { title: 'Made', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right', wide: true },
]

const minuteMs = 60_000

type Minute = DeploymentDetail['perMinute'][number]

/** The sixty minutes up to the present one: those without a request are not in the answer, and count none. */
function lastHour(perMinute: readonly Minute[], present: number): readonly Minute[] {
  const known = new Map<number, Minute>(perMinute.map(minute => [Math.floor(minute.at / minuteMs), minute]))
  const last = Math.max(present, ...known.keys())
  return Array.from({ length: 60 }, (_, index) => last - 59 + index).map(
    minute => known.get(minute) ?? { at: (minute * minuteMs) as Minute['at'], requests: 0, errors: 0 },
  )
}

function Requests({ deployment: { perMinute } }: { deployment: DeploymentDetail }) {
  const present = Math.floor(useNow() / minuteMs)
  const minutes = useMemo(() => lastHour(perMinute, present), [perMinute, present])
  const at = useMemo(() => minutes.map(minute => minute.at), [minutes])
  const lines = useMemo<Line[]>(
    () => [
      { label: 'requests', values: minutes.map(({ requests }) => requests), color: 'series-1', bars: true },
      { label: 'errors', values: minutes.map(({ errors }) => errors), color: 'fail', bars: true },
    ],
    [minutes],
  )
  return (
    <Card title="Requests per minute" note="the last hour">
      {minutes.every(({ requests }) => requests === 0) ? (
        <p className="muted small">No request in the last hour.</p>
      ) : (
        <LazyTimePlot
          label="Requests and errors per minute in the last hour"
          at={at}
          lines={lines}
          height={210}
          fromZero
        />
      )}
    </Card>
  )
}

const howTo =
  'One row with everything given. What a feature service knows by entity key may be left out of `inputs`: then send `"parameters": {"entity": "<key>"}`.'

/** Another origin than this page, which the browser may not call: a command to copy instead. */
function TryIt({ deployment: { url, inputs } }: { deployment: DeploymentDetail }) {
  if (!inputs) return <p className="muted small">There is no revision to ask yet.</p>
  return (
    <div className="stack-tight">
      <p className="small soft">
        <Prose text={howTo} />
      </p>
      <Command text={curlOf(url, inputs)} block />
    </div>
  )
}

/** A request with one row of zeros in the shape that is wanted. */
function curlOf(url: string, inputs: Signature['inputs']): string {
  const body = {
    inputs: inputs.map(({ name, datatype, shape }) => {
      const sizes = shape.map(size => (size < 0 ? 1 : size))
      const cell = datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0
      return {
        name,
        datatype,
        shape: sizes,
        data: Array.from({ length: sizes.reduce((product, size) => product * size, 1) }, () => cell),
      }
    }),
  }
  const address = url.endsWith('/infer') ? url : `${url.replace(/\/$/, '')}/infer`
  const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(address).hostname)
  const token = isLoopback ? '' : ` \\\n  -H "authorization: Bearer $TRAINYARD_TOKEN"`
  return `curl -s ${address}${token} \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`
}
