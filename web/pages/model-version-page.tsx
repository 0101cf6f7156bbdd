import { isGuarded } from '../../src/registry/production-alias.ts'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { conversionOf, modelVersionOf } from '../api.ts'
import { trackingRunOf } from '../api-tracking.ts'
import { bytes, plural } from '../format.ts'
import { aboveModels, lineagePath, modelPath, trackingRunPath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card, Facts } from '../ui/card.tsx'
import { Bars } from '../ui/charts/bars.tsx'
import { Id } from '../ui/copy.tsx'
import { State, Tag } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import type { ModelVersion, Signature } from '../wire.ts'
import { AssuranceCards } from './assurance-cards.tsx'
import { Gate, Metrics } from './evaluation-cards.tsx'
import { LineageGraph } from './lineage-graph.tsx'
import { isPlainTag, TextTable } from './run-cards.tsx'
import { Moves } from './version-moves.tsx'

/** May this version go to production? */
export function ModelVersionPage() {
  const { project, version: id } = useParams({ from: '/p/$project/versions/$version' })
  const { data: version } = useSuspenseQuery(modelVersionOf(id))
  const { evaluation } = version
  return (
    <Page
      title={`${version.model} v${version.version}`}
      above={[...aboveModels(project), [version.model, modelPath(project, version.model)]]}
      badge={
        <>
          <State state={version.stage} />
          {isUngated(version) && <Tag>ungated</Tag>}
          {version.aliases.map(alias => (
            <Tag key={alias}>{alias}</Tag>
          ))}
        </>
      }
      lede={
        version.description || isUngated(version) ? (
          <>
            {isUngated(version) && (
              <p>No gate has let this version into production: its project declares none, or declared it later.</p>
            )}
            {version.description && <p className="prewrap">{version.description}</p>}
          </>
        ) : undefined
      }
      actions={<Moves version={version} />}
    >
      <Card>
        <About version={version} />
      </Card>
      {evaluation && (
        <div className="split">
          <Metrics evaluation={evaluation} project={project} />
          <Gate evaluation={evaluation} />
        </div>
      )}
      <div className="split">
        {evaluation ? (
          <Card title="Importance" note="loss added when one feature is shuffled">
            {Object.keys(evaluation?.importance ?? {}).length > 0 ? (
              <Bars values={evaluation?.importance ?? {}} label="Importance of each feature" />
            ) : (
              <p className="muted small">Not measured for this version.</p>
            )}
          </Card>
        ) : (
          <TagsCard tags={version.tags} />
        )}
        <div className="stack">
          {version.signature && <SignatureCard signature={version.signature} />}
          {isConverted(version) && <ConversionCard id={version.id} />}
          <Transitions version={version} />
        </div>
      </div>
      <AssuranceCards version={version} />
      <Panel
        title="Lineage"
        note="what it was made from"
        actions={<To to={lineagePath(id)}>Explore</To>}
        flush
        lines={8}
      >
        <LineageGraph id={id} direction="up" />
      </Panel>
    </Page>
  )
}

/** In production, and no evaluation passed: its model has no gate, or had none when it went there. */
const isUngated = ({ evaluation, stage, aliases }: ModelVersion): boolean =>
  evaluation?.gate.passed !== true && (stage === 'production' || aliases.some(alias => isGuarded(alias)))

const About = ({ version }: { version: ModelVersion }) => (
  <Facts
    facts={{
      [version.evaluation ? 'Trained' : 'Registered']: <Ago at={version.createdAt} />,
      'By run': version.run && <Ref id={version.run} project={version.project} />,
      'By tracking run': version.trackingRun && <TrackedBy run={version.trackingRun} />,
      'Logged model': version.loggedModel && (
        <To to={lineagePath(version.loggedModel)} className="mono small">
          {version.loggedModel.slice(0, 6)}…{version.loggedModel.slice(-6)}
        </To>
      ),
      Flavour: version.flavor,
      'Registered from': version.content !== 'onnx' && <code>{version.source}</code>,
      By: version.user,
      'On training set': version.trainingSet && (
        <To to={lineagePath(version.trainingSet)} className="mono small">
          {version.trainingSet.slice(0, 4)}…{version.trainingSet.slice(-6)}
        </To>
      ),
      'From commit': version.commit && <code>{version.commit.slice(0, 10)}</code>,
      [version.content === 'folder' ? 'Folder' : 'ONNX']: version.digest && <Id id={version.digest} />,
      Size: version.bytes !== undefined && bytes(version.bytes),
      Environment: version.environment && <Environment text={version.environment} />,
      'Input example': version.inputExample && <code>{version.inputExample}</code>,
      Id: <Id id={version.id} />,
    }}
  />
)

/** The run may be of an experiment that the reader may not open, or be purged: the id stays. */
function TrackedBy({ run }: { run: string }) {
  const { data } = useQuery({ ...trackingRunOf(run), retry: false })
  const short = `${run.slice(0, 6)}…${run.slice(-6)}`
  if (!data) return <code title={run}>{short}</code>
  return (
    <To to={trackingRunPath(data.experiment, run)} title={run}>
      {data.name || short}
    </To>
  )
}

const TagsCard = ({ tags }: Pick<ModelVersion, 'tags'>) => (
  <Card title="Tags" flush>
    <TextTable
      label="Tags"
      texts={Object.fromEntries(Object.entries(tags).filter(isPlainTag))}
      none="No tag was set."
    />
  </Card>
)

/** The lock file that fixed the environment, and its digest. */
const Environment = ({ text }: { text: string }) =>
  text
    .split(' ')
    .map(part => (/^[0-9a-f]{64}$/.test(part) ? <Id key={part} id={part} /> : <code key={part}>{part} </code>))

const SignatureCard = ({ signature: { inputs, outputs } }: { signature: Signature }) => (
  <Card title="Signature" note={`${plural(inputs.length, 'input')}, ${plural(outputs.length, 'output')}`}>
    <div className="stack">
      <Tensors title="Inputs" tensors={inputs} />
      <Tensors title="Outputs" tensors={outputs} />
    </div>
  </Card>
)

const Tensors = ({ title, tensors }: { title: string; tensors: Signature['inputs'] }) => (
  <section className="stack-tight" aria-label={title}>
    <h3>{title}</h3>
    <ul className="row">
      {tensors.map(({ name, datatype, shape }) => (
        <li key={name}>
          <Tag>
            <code>{name}</code> {datatype} [{shape.map(size => (size < 0 ? 'n' : size)).join(', ')}]
          </Tag>
        </li>
      ))}
    </ul>
  </section>
)

/** Of these frameworks versions are also written as ONNX. */
const isConverted = ({ content, flavor = '' }: ModelVersion): boolean =>
  content === 'folder' && ['sklearn', 'xgboost', 'lightgbm'].includes(flavor)

const outcomes = { faster: 'served', slower: 'not served', inexact: 'not served', none: 'not written' } as const

function ConversionCard({ id }: { id: string }) {
  const { data } = useQuery({ ...conversionOf(id), retry: false })
  if (!data) return null
  const { outcome, reason, onnx, maxDelta, rows, sample, onnxMs, pythonMs } = data
  return (
    <Card title="As ONNX" note={outcomes[outcome]}>
      <div className="stack">
        <p className="small">{reason}</p>
        <Facts
          facts={{
            File: onnx && <Id id={onnx} />,
            Size: data.bytes !== undefined && bytes(data.bytes),
            Compared: rows !== undefined && `${plural(rows, 'row')} of ${sample}`,
            'Largest difference': maxDelta?.toPrecision(3),
            'A row takes': onnxMs !== undefined && `${onnxMs.toPrecision(2)} ms`,
            'In Python': pythonMs !== undefined && `${pythonMs.toPrecision(2)} ms`,
          }}
        />
      </div>
    </Card>
  )
}

const Transitions = ({ version }: { version: ModelVersion }) => (
  <Card title="History">
    <ol className="timeline">
      {version.transitions
        .toSorted((a, b) => b.at - a.at)
        .map(({ id, from, to, actor, reason, at }) => (
          <li key={id}>
            {from} → <b className="strong">{to}</b> by {actor}, <Ago at={at} />
            <div className="muted small">{reason}</div>
          </li>
        ))}
      <li>
        registered, <Ago at={version.createdAt} />
      </li>
    </ol>
  </Card>
)
