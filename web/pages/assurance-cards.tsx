import { Button, Textarea } from '@mantine/core'
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { approvalsOf, cardOf, judgeVersion, scanOf, signatureOf, writeCard } from '../api.ts'
import { Panel } from '../shell/panel.tsx'
import { Facts } from '../ui/card.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Approval, Card as ModelCard, ModelVersion, Scan } from '../wire.ts'

/** May this version be believed? What its files do, who vouches for them, and what people know about it. */
export function AssuranceCards({ version }: { version: ModelVersion }) {
  return (
    <div className="split">
      <div className="stack">
        {version.digest !== undefined && (
          <Panel title="Files" note="read, never loaded" lines={4}>
            <Files version={version} />
          </Panel>
        )}
        <Panel title="Approvals" lines={3}>
          <Approvals version={version} />
        </Panel>
      </div>
      <Panel title="Model card" note="what only people know" lines={6}>
        <Opinions version={version} />
      </Panel>
    </div>
  )
}

function Files({ version }: { version: ModelVersion }) {
  const { data: scan } = useSuspenseQuery(scanOf(version.id))
  const { data: signature } = useSuspenseQuery(signatureOf(version.id))
  return (
    <div className="stack">
      <Facts
        facts={{
          Verdict: <State state={scan.verdict} />,
          Read: <Ago at={scan.at} />,
          Signature:
            signature.problems.length === 0 ? <State state="kept" label="verified" /> : <State state="broken" />,
        }}
      />
      {signature.problems.length > 0 && <p className="small">{signature.problems.join(' ')}</p>}
      <Findings scan={scan} />
    </div>
  )
}

function Findings({ scan }: { scan: Scan }) {
  const found = scan.files.flatMap(({ path, findings }) => findings.map(finding => ({ path, ...finding })))
  if (found.length === 0) return <p className="muted small">{scan.files.length} files, nothing to report.</p>
  return (
    <ul className="stack-tight">
      {found.map(({ path, severity, what }) => (
        <li key={`${path} ${what}`} className="small">
          <State state={severity} /> <code>{path}</code> {what}
        </li>
      ))}
    </ul>
  )
}

function Approvals({ version }: { version: ModelVersion }) {
  const { data: state } = useSuspenseQuery(approvalsOf(version.id))
  const cache = useQueryClient()
  const judge =
    (verdict: Approval['verdict']) =>
    async (reason: string): Promise<void> => {
      await judgeVersion(version, verdict, reason)
      await cache.invalidateQueries({ queryKey: ['approvals', version.id] })
    }
  const elsewhere = version.digest === undefined ? 'Its files are not here to be looked at.' : undefined
  return (
    <div className="stack">
      {state.required === 0 ? (
        <p className="muted small">The project asks for none.</p>
      ) : state.missing.length === 0 ? (
        <State state="passed" label="nothing is missing" />
      ) : (
        state.missing.map(what => <State key={what} state="waiting" label={what} />)
      )}
      <ol className="timeline" hidden={state.approvals.length === 0}>
        {state.approvals.toReversed().map(({ id, actor, role, verdict, reason, at, digest }) => (
          <li key={id}>
            {actor} ({role}): <b className="strong">{verdict}</b>
            {digest === version.digest ? '' : ' of other files'}, <Ago at={at} />
            <div className="muted small">{reason}</div>
          </li>
        ))}
      </ol>
      <div className="row">
        <ReasonButton
          label="Approve"
          explain={`Your word is kept with the digest of ${version.fullName} ${version.version}: it says nothing of other files.`}
          disabledReason={elsewhere}
          onConfirm={judge('approve')}
        />
        <ReasonButton
          label="Object"
          danger
          explain="While your objection stands, this version does not go to production."
          disabledReason={elsewhere}
          onConfirm={judge('reject')}
        />
      </div>
    </div>
  )
}

const titles: Readonly<Record<keyof ModelCard['opinions'], string>> = {
  intendedUse: 'Intended use',
  limitations: 'Limitations',
  ethics: 'Ethical considerations',
  licence: 'Licence',
  contact: 'Contact',
  notes: 'Notes',
}

function Opinions({ version }: { version: ModelVersion }) {
  const { data: card } = useSuspenseQuery(cardOf(version.id))
  const [isEditing, setEditing] = useState(false)
  if (isEditing) return <OpinionForm version={version} card={card} onDone={() => setEditing(false)} />
  return (
    <div className="stack">
      {(Object.keys(titles) as (keyof typeof titles)[]).map(name => (
        <section key={name} className="stack-tight">
          <h3>{titles[name]}</h3>
          <p className={card.opinions[name] ? 'prewrap' : 'muted small'}>
            {card.opinions[name]?.text ?? 'Nobody has written this yet.'}
          </p>
        </section>
      ))}
      <div className="row">
        <Button size="xs" variant="default" onClick={() => setEditing(true)}>
          Write
        </Button>
        <Button
          size="xs"
          variant="subtle"
          component="a"
          download={`${version.fullName}-${version.version}.md`}
          href={`data:text/markdown;charset=utf-8,${encodeURIComponent(card.markdown)}`}
        >
          Download the whole card
        </Button>
      </div>
    </div>
  )
}

function OpinionForm({ version, card, onDone }: { version: ModelVersion; card: ModelCard; onDone: () => void }) {
  const cache = useQueryClient()
  const [texts, setTexts] = useState<Partial<Record<keyof typeof titles, string>>>({})
  const [error, setError] = useState<Error>()
  const submit = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault()
    await writeCard(version.id, texts).then(saved => {
      cache.setQueryData(cardOf(version.id).queryKey, saved)
      onDone()
    }, setError)
  }
  return (
    <form className="stack" onSubmit={event => void submit(event)}>
      {(Object.keys(titles) as (keyof typeof titles)[]).map(name => (
        <Textarea
          key={name}
          label={titles[name]}
          defaultValue={card.opinions[name]?.text ?? ''}
          autosize
          minRows={1}
          onChange={event => setTexts({ ...texts, [name]: event.currentTarget.value })}
        />
      ))}
      {error && <Trouble error={error} />}
      <div className="row">
        <Button type="submit" size="xs" color="ink">
          Save
        </Button>
        <Button size="xs" variant="subtle" onClick={onDone}>
          Keep it as it is
        </Button>
      </div>
    </form>
  )
}
