import type { Clock } from '#kernel/clock.ts'
import { conflict } from '#kernel/error.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Db, Outbox } from '#storage'
import { columnsOf, performanceEvidence, violationEvidence, windowName } from './evidence.ts'
import { driftFound, performanceLost, windowEvaluated } from './events.ts'
import { openKey, type KeptIncident } from './incident.ts'
import type { Feedback } from './feedback.ts'
import type { Draft, Incidents } from './incidents.ts'
import type { Judgement } from './judge.ts'
import { windowState, type KeptWindow, type Monitor } from './monitor.ts'
import { driftStep, newSignal, pagingKinds, stepOf, type PagingKind } from './policy.ts'
import { driftAlarms } from './signal.ts'
import type { IncidentStore, MonitorStore } from './store.ts'

/** A judged window, before what follows from it is written. */
export interface Verdict {
  /** The window as it was: unjudged, or judged with less truth. */
  readonly former: KeptWindow
  readonly judgement: Judgement
  readonly revision: string
  readonly judgedBy: string
  readonly rows: number
  readonly scored: number
  readonly labelled: number
  readonly truthSeen: number
  /** Windows beside it whose loss is suspicious too, and makes it a loss. */
  readonly suspects: readonly KeptWindow[]
}

export interface VerdictParts {
  readonly db: Db
  readonly monitors: MonitorStore
  readonly incidentStore: IncidentStore
  readonly incidents: Incidents
  readonly feedback: Pick<Feedback, 'route'>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly clock: Clock
}

/** Writes a judgement and all that follows from it in one transaction: window, lineage, events, incidents, drift. */
export async function pronounce(parts: VerdictParts, verdict: Verdict): Promise<KeptWindow> {
  const { former, judgement, suspects: _, ...counts } = verdict
  const window: KeptWindow = {
    ...former,
    ...counts,
    isJudged: true,
    state: windowState(judgement.signals),
    signals: judgement.signals,
    performance: judgement.performance,
    reference: judgement.reference,
    evaluatedAt: parts.clock.now(),
  }
  await parts.db.transaction().execute(async tx => {
    const monitor = await parts.monitors.lockMonitor(tx, former.deployment)
    if (!monitor) return
    if (!(await parts.monitors.saveJudgement(tx, window, former.judgedBy)))
      throw conflict(`${windowName(window)} was judged by another run meanwhile.`, { window: window.id })
    await recordWindow(parts, tx, window)
    const { deployment, project, id, state, revision } = window
    await parts.outbox.emit(tx, windowEvaluated, { project, data: { deployment, window: id, state, revision } })
    crashPoint('monitoring.judged')
    if (!former.isJudged) await followDrift(parts, tx, { monitor, window })
    for (const kind of pagingKinds) await followIncident(parts, tx, { kind, monitor, window, verdict })
  })
  return window
}

async function recordWindow({ ledger }: VerdictParts, tx: AnyTx, window: KeptWindow): Promise<void> {
  const { id, deployment, project, rows, state, performance } = window
  const facts = {
    rows,
    state,
    from: window.from,
    to: window.to,
    z: performance?.z ?? null,
    realised: performance?.realised ?? null,
  }
  await ledger.record(tx, { id, kind: 'window', label: `${deployment}, ${windowName(window)}`, project, facts })
  await ledger.link(tx, { from: id, to: window.revision, relation: 'observed' })
}

interface Context {
  readonly monitor: Monitor
  readonly window: KeptWindow
}

/** Drift is announced once when it sets in, and is over after three windows without. */
async function followDrift(
  { monitors, feedback, incidentStore, outbox }: VerdictParts,
  tx: AnyTx,
  { monitor, window }: Context,
): Promise<void> {
  const { deployment, project, id } = window
  const moved = driftAlarms(window.signals)
  const step = driftStep(moved.length > 0, monitor)
  if (step === 'none') return
  if (step === 'clean')
    return monitors.setDrift(tx, deployment, { window: monitor.driftWindow, clean: monitor.driftClean + 1 })
  if (step === 'lasting') return monitors.setDrift(tx, deployment, { window: monitor.driftWindow, clean: 0 })
  if (step === 'end') {
    await incidentStore.endItemsAbout(tx, monitor.driftWindow!)
    return monitors.setDrift(tx, deployment, { window: undefined, clean: 0 })
  }
  const features = moved.map(signal => signal.name)
  const title = `${deployment}: ${features.slice(0, 4).join(', ')}${features.length > 4 ? ` and ${features.length - 4} more` : ''} drifted`
  await monitors.setDrift(tx, deployment, { window: id, clean: 0 })
  const { item } = await feedback.route(tx, {
    project,
    kind: 'drift',
    title,
    subject: id,
    deployment,
    model: monitor.model,
  })
  await outbox.emit(tx, driftFound, {
    project,
    data: { deployment, model: monitor.model, window: id, features, item: item.id },
  })
}

async function followIncident(
  parts: VerdictParts,
  tx: AnyTx,
  context: Context & { kind: PagingKind; verdict: Verdict },
): Promise<void> {
  const { kind, window, verdict } = context
  const { deployment, project } = window
  const signal = newSignal(kind, window.signals, verdict.former.isJudged ? verdict.former.signals : undefined)
  const open = await parts.incidentStore.findOpen(tx, openKey(kind, { deployment, project }))
  const step = stepOf(signal, open)
  if (step === 'open') return openIncident(parts, tx, context)
  if (!open || step === 'none') return
  if (step === 'resolve')
    return parts.incidents.resolve(tx, open, `Three clean windows, the last of them ${windowName(window)}.`)
  if (step === 'clean') return parts.incidents.extend(tx, open, { clean: open.clean + 1 })
  if (signal?.state === 'alarm' && open.revision !== window.revision) return reopen(parts, tx, open, context)
  const evidence =
    kind === 'performance'
      ? performanceEvidence(window, verdict.judgement, []).slice(0, 1)
      : violationEvidence(verdict.judgement.violations).slice(0, 1)
  return parts.incidents.extend(
    tx,
    open,
    signal?.state === 'alarm' ? { window: window.id, evidence, clean: 0 } : { clean: 0 },
  )
}

/** Another revision is live and fails too: what was done about the first incident did not help, and this is a new one. */
async function reopen(
  parts: VerdictParts,
  tx: AnyTx,
  open: KeptIncident,
  context: Context & { kind: PagingKind; verdict: Verdict },
): Promise<void> {
  await parts.incidents.resolve(
    tx,
    open,
    `Revision ${open.revision} is no longer live; ${context.window.revision} fails too.`,
  )
  return openIncident(parts, tx, context)
}

async function openIncident(
  parts: VerdictParts,
  tx: AnyTx,
  { kind, monitor, window, verdict }: Context & { kind: PagingKind; verdict: Verdict },
): Promise<void> {
  const { deployment, project, revision, id } = window
  const draft: Draft = {
    project,
    deployment,
    model: monitor.model,
    kind,
    revision,
    windows: [...(kind === 'performance' ? verdict.suspects.map(suspect => suspect.id) : []), id],
    ...contents(kind, window, verdict),
  }
  const { incident, item } = await parts.incidents.open(tx, draft)
  if (kind !== 'performance' || !item) return
  const data = {
    deployment,
    model: monitor.model,
    window: id,
    incident: incident.id,
    z: window.performance?.z ?? 0,
    item: item.id,
  }
  await parts.outbox.emit(tx, performanceLost, { project, data })
}

function contents(
  kind: PagingKind,
  window: KeptWindow,
  { judgement, suspects }: Verdict,
): Pick<Draft, 'title' | 'evidence' | 'causes' | 'violations'> {
  const { deployment } = window
  switch (kind) {
    case 'performance':
      return {
        title: `${deployment}: performance is lost`,
        evidence: performanceEvidence(window, judgement, suspects),
        causes: [...judgement.causes],
      }
    case 'contract':
      return {
        title: `${deployment}: live rows break the contract in ${columnsOf(judgement.violations)}`,
        evidence: [`Since ${windowName(window)}.`, ...violationEvidence(judgement.violations)],
        violations: judgement.violations,
      }
    case 'service':
      return {
        title: `${deployment}: predictions fail`,
        evidence: [`Since ${windowName(window)}.`, window.signals.find(signal => signal.kind === 'service')!.because],
      }
  }
}
