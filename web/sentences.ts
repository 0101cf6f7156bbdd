import { dayOf, number, plural, shortId, withoutIds } from './format.ts'
import {
  deploymentPath,
  lineagePath,
  modelPath,
  monitorPath,
  pathOf,
  sourcePath,
  studyPath,
  viewPath,
} from './paths.ts'
import type { Event } from './wire.ts'

/** What happened, in words: text, and links to what it happened to. */
export type Part = string | { readonly text: string; readonly to: string }
export type Tone = 'ok' | 'running' | 'warn' | 'fail' | 'none'
interface Sentence {
  readonly tone: Tone
  readonly parts: readonly Part[]
}

/** The data of an event, read field by field: an event of another version may lack any of them. */
class Fields {
  readonly #data: Readonly<Record<string, unknown>>
  readonly project: string

  constructor(event: Event) {
    this.#data = event.data
    this.project = event.project ?? ''
  }

  text(name: string): string {
    const value = this.#data[name]
    return typeof value === 'string' ? value : typeof value === 'number' ? number(value) : ''
  }

  count(name: string): number {
    const value = this.#data[name]
    return typeof value === 'number' ? value : Array.isArray(value) ? value.length : 0
  }

  list(name: string): readonly string[] {
    const value = this.#data[name]
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
  }

  thing(name: string, text?: string): Part {
    const id = this.text(name)
    return id ? { text: text ?? shortId(id), to: pathOf(id, this.project) } : (text ?? '')
  }

  link(name: string, path: (project: string, name: string) => string): Part {
    const value = this.text(name)
    return value ? { text: value, to: path(this.project, value) } : 'something'
  }
}

type Formatter = (fields: Fields) => Sentence
const say = (tone: Tone, ...parts: Part[]): Sentence => ({ tone, parts: parts.filter(part => part !== '') })
const because = (f: Fields): string => (f.text('reason') ? `: ${trim(withoutIds(f.text('reason')))}` : '')
const trim = (text: string): string => text.replace(/\.$/, '')
const version = (f: Fields): Part => f.thing('version', `v${f.text('number')}`)

const runTones: Readonly<Record<string, Tone>> = { succeeded: 'ok', cached: 'ok', failed: 'fail', cancelled: 'warn' }
const stageTones: Readonly<Record<string, Tone>> = { production: 'ok', staging: 'warn', rejected: 'fail' }
const outcomes: Readonly<Record<string, readonly [Tone, string]>> = {
  promoted: ['ok', 'now takes all traffic of'],
  rolled_back: ['fail', 'was rolled back from'],
  first: ['ok', 'is the first version of'],
}

const source: Record<string, Formatter> = {
  'project.applied': f =>
    say(
      'none',
      'Revision ',
      f.thing('revision', `#${f.text('number')}`),
      ` of the project was applied, ${plural(f.count('changes'), 'change')}`,
    ),
  'source.pushed': f => say('none', `Commit ${f.text('after').slice(0, 8)} was pushed to ${f.text('branch')}`),
  'delivery.delivered': f =>
    say(
      'ok',
      `Commit ${f.text('commit').slice(0, 8)} was tested and delivered as `,
      f.thing('revision', 'a new revision'),
    ),
}

const data: Record<string, Formatter> = {
  'data.arrived': f => say('none', 'New data arrived at ', f.link('source', sourcePath)),
  'data.version_added': f =>
    say(
      'ok',
      f.link('source', sourcePath),
      ' has version ',
      f.thing('version', `v${f.text('number')}`),
      ` with ${plural(f.count('rows'), 'row')}`,
    ),
  'data.contract_kept': f => say('ok', 'The data of ', f.link('source', sourcePath), ' keeps its contract'),
  'data.contract_broken': f =>
    say(
      'fail',
      'The data of ',
      f.link('source', sourcePath),
      f.count('violations')
        ? ` breaks its contract, ${plural(f.count('violations'), 'violation')}`
        : ' breaks its contract',
    ),
  'features.materialised': f =>
    say(
      'ok',
      'Features ',
      f.link('view', viewPath),
      ` are online up to ${dayOf(f.count('to'))}, ${plural(f.count('rows'), 'row')}`,
    ),
}

const work: Record<string, Formatter> = {
  'tuning.study_started': f => say('running', 'Study ', f.link('name', studyPath), ' began'),
  'tuning.study_ended': f =>
    say(
      f.text('criterion') === 'cancelled' ? 'warn' : 'ok',
      'Study ',
      f.link('name', studyPath),
      f.text('criterion') === 'cancelled' ? ' was cancelled' : ' ended',
      ` after ${plural(f.count('trials'), 'trial')}`,
    ),
  'workflow.run_started': f => say('running', 'Run of ', f.thing('run', f.text('pipeline')), ` started${because(f)}`),
  'workflow.run_finished': f =>
    say(
      runTones[f.text('state')] ?? 'none',
      'Run of ',
      f.thing('run', f.text('pipeline')),
      ` ${f.text('state')}${f.text('error') ? `: ${trim(f.text('error'))}` : ''}`,
    ),
  'workflow.task_decided': f =>
    say(
      f.text('verdict') === 'approve' ? 'ok' : 'fail',
      'Task ',
      f.thing('run', f.text('name')),
      f.text('verdict') === 'approve' ? ` was approved: ${f.text('reason')}` : ` was rejected: ${f.text('reason')}`,
    ),
  'workflow.task_finished': f =>
    say(
      runTones[f.text('state')] ?? 'none',
      'Task ',
      f.thing('run', f.text('name')),
      ` ${f.text('state')}${f.count('attempt') > 1 ? ` at attempt ${f.text('attempt')}` : ''}`,
    ),
  'registry.version_registered': f =>
    say(
      stageTones[f.text('stage')] ?? 'ok',
      'Model ',
      f.link('model', modelPath),
      ' ',
      version(f),
      f.text('stage') === 'rejected'
        ? ' did not pass its gate and was rejected'
        : f.text('stage') === 'candidate'
          ? ' was registered by a client'
          : ` was registered in ${f.text('stage')}`,
    ),
  'registry.stage_changed': f =>
    say(
      stageTones[f.text('to')] ?? 'none',
      'Model ',
      f.link('model', modelPath),
      ' ',
      version(f),
      ` moved from ${f.text('from')} to ${f.text('to')}${because(f)}`,
    ),
  'registry.alias_moved': f =>
    say(
      'none',
      'Model ',
      f.link('model', modelPath),
      f.text('to') === ''
        ? ` lost the alias ${f.text('alias')}${because(f)}`
        : ` v${f.text('to')} got the alias ${f.text('alias')}${because(f)}`,
    ),
  'registry.model_created': f => say('ok', 'Model ', f.link('model', modelPath), ' was registered by a client'),
  'registry.model_renamed': f => say('none', `Model ${f.text('former')} is now `, f.link('model', modelPath)),
  'registry.model_deleted': f => say('warn', `Model ${f.text('model')} was deleted`),
  'registry.version_deleted': f => say('warn', 'Model ', f.link('model', modelPath), ' ', version(f), ' was deleted'),
  'assurance.version_judged': f =>
    say(
      f.text('verdict') === 'approve' ? 'ok' : 'warn',
      'Model ',
      f.link('model', modelPath),
      ' ',
      version(f),
      f.text('verdict') === 'approve' ? ' was approved' : ' was objected to',
      because(f),
    ),
  'assurance.danger_found': f =>
    say(
      'fail',
      'Model ',
      f.link('model', modelPath),
      ' ',
      version(f),
      ` would run code of its own when loaded: ${f.list('findings').join('; ')}`,
    ),
}

const production: Record<string, Formatter> = {
  'serving.deployed': f =>
    say(
      'ok',
      'Deployment ',
      f.link('deployment', deploymentPath),
      ' has a new revision, ',
      f.thing('version', 'its version'),
      ` at ${f.text('weight')} % of traffic`,
    ),
  'serving.traffic_changed': f =>
    say('none', 'Traffic of ', f.link('deployment', deploymentPath), ` was moved${because(f)}`),
  'serving.predictions_logged': f =>
    say(
      'none',
      'Deployment ',
      f.link('deployment', deploymentPath),
      ` logged ${plural(f.count('count'), 'prediction')}`,
    ),
  'delivery.rolled_out': f => {
    const [tone, words] = outcomes[f.text('outcome')] ?? ['none', `${f.text('outcome')} in`]
    return say(tone, f.thing('version', 'The version'), ` ${words} `, f.link('deployment', deploymentPath), because(f))
  },
}

const observation: Record<string, Formatter> = {
  'monitoring.window_evaluated': f =>
    say(
      windowTone(f.text('state')),
      'A ',
      { text: 'window', to: `${monitorPath(f.project, f.text('deployment'))}?window=${f.text('window')}` },
      ' of ',
      f.link('deployment', monitorPath),
      ` was evaluated: ${windowWords[f.text('state')] ?? f.text('state')}`,
    ),
  'monitoring.drift_found': f =>
    say(
      'warn',
      f.link('deployment', monitorPath),
      ` has drifted in ${f.list('features').slice(0, 3).join(', ') || 'its inputs'}${f.count('features') > 3 ? ` and ${f.count('features') - 3} more` : ''}`,
    ),
  'monitoring.performance_lost': f =>
    say(
      'fail',
      f.link('deployment', monitorPath),
      ` predicts worse than it should, ${f.text('z')} standard errors`,
      ...(f.text('incident') ? [' (', f.thing('incident', 'incident'), ')'] : []),
    ),
  'monitoring.incident_opened': f => say('fail', 'Incident: ', f.thing('incident', trim(f.text('title')))),
  'monitoring.incident_resolved': f =>
    say('ok', 'Incident ', f.thing('incident', trim(f.text('title')) || undefined), ' was resolved'),
  'monitoring.feedback_routed': f =>
    say(
      'warn',
      f.text('item') ? { text: 'Feedback', to: lineagePath(f.text('item')) } : 'Feedback',
      ` went to ${f.text('receiver').replaceAll('_', ' ')}`,
    ),
  'monitoring.truth_received': f =>
    say(
      'none',
      `Ground truth of ${plural(f.count('count'), 'prediction')} arrived for `,
      f.link('deployment', monitorPath),
    ),
}

const windowWords: Readonly<Record<string, string>> = {
  ok: 'nothing unusual',
  warn: 'something unusual',
  insufficient: 'too few rows to say',
}

const windowTone = (state: string): Tone =>
  state === 'alarm' ? 'fail' : state === 'warn' ? 'warn' : state === 'ok' ? 'ok' : 'none'

const formatters: Readonly<Record<string, Formatter>> = { ...source, ...data, ...work, ...production, ...observation }

/** Every kind of event that has words; live.ts listens for each. */
export const eventTypes: readonly string[] = Object.keys(formatters)

/**
 * What goes without saying: starts, whose ends are told, tasks that succeed, whose runs are told, and the observation
 * of windows, whose results are told.
 */
export function isRoutine({ type, data: facts }: Event): boolean {
  const succeeded = facts['state'] === 'succeeded' || facts['state'] === 'cached'
  if (type === 'workflow.run_started' || type === 'data.arrived') return true
  if (type === 'workflow.task_finished') return succeeded
  return type === 'workflow.run_finished' && succeeded && facts['pipeline'] === 'monitor'
}

/** An event in words. A kind without words of its own shows its type. */
export function sentenceOf(event: Event): Sentence {
  const formatter = formatters[event.type]
  return formatter ? formatter(new Fields(event)) : { tone: 'none', parts: [event.type] }
}
