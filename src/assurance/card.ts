import type { z } from 'zod'
import { isoInstant } from '#kernel/clock.ts'
import type { Evaluation, ModelVersion } from '#registry'
import type { ApprovalState } from './approval.ts'
import type { Origin } from './origin.ts'
import type { Scan } from './scan.ts'
import type { CardWire, opinions } from './wire.ts'

export type Card = z.output<typeof CardWire>
export type Opinion = (typeof opinions)[number]

/** All that a card is made of: what the platform has recorded, and what people have written. */
export interface CardFacts extends Origin {
  readonly version: ModelVersion
  readonly goal?: string | undefined
  readonly target?: string | undefined
  readonly scan?: Scan | undefined
  readonly signed: boolean
  readonly approvals: ApprovalState
  readonly opinions: Card['opinions']
}

/**
 * A model card in Markdown, in the sections of [Mitchell et al. 2019, "Model Cards for Model Reporting"]. What nobody
 * has written yet is said to be missing, so that a reader never takes silence for an answer.
 */
export function cardMarkdown(facts: CardFacts): string {
  const { version } = facts
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['Model details', details(facts)],
    ['Intended use', [...(facts.goal === undefined ? [] : [facts.goal, '']), written(facts, 'intendedUse')]],
    ['Training data', facts.data.length > 0 ? facts.data.map(label => `- ${text(label)}`) : ['Not recorded.']],
    ['Parameters', table(['parameter', 'value'], Object.entries(facts.params))],
    ['Evaluation', [...evaluation(version.evaluation), ...claimed(facts.metrics)]],
    ['Groups', groups(version.evaluation)],
    ['Limitations', [written(facts, 'limitations')]],
    ['Ethical considerations', [written(facts, 'ethics')]],
    ['Assurance', assurance(facts)],
    ['History', history(version)],
    ...(facts.opinions.notes ? [['Notes', [facts.opinions.notes.text]] as const] : []),
  ]
  const body = sections.map(([title, lines]) => `## ${title}\n\n${lines.join('\n')}\n`)
  return [`# ${text(version.fullName)} ${version.version}\n`, ...body].join('\n')
}

function details(facts: CardFacts): readonly string[] {
  const { version, target, opinions } = facts
  const { digest, bytes, flavor, signature, inputExample, run, trackingRun, commit, environment, createdAt, user } =
    version
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Predicts', target],
    ['Made', `${isoInstant(createdAt)} by ${user}`],
    ['Framework', flavor],
    [
      'Files',
      digest === undefined ? 'kept elsewhere' : `SHA-256 ${digest}${bytes === undefined ? '' : `, ${bytes} bytes`}`,
    ],
    ['Inputs', signature?.inputs.map(({ name, datatype }) => `${name} (${datatype})`).join(', ')],
    ['Outputs', signature?.outputs.map(({ name, datatype }) => `${name} (${datatype})`).join(', ')],
    ['Input example', inputExample],
    ['Run', run ?? trackingRun],
    ['Commit', commit ?? facts.commit],
    ['Environment', environment],
    ['Licence', opinions.licence?.text ?? 'not stated'],
    ['Contact', opinions.contact?.text ?? 'not stated'],
  ]
  return table(
    ['', ''],
    rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== ''),
  )
}

function evaluation(found: Evaluation | undefined): readonly string[] {
  if (!found) return ['Not evaluated by the platform.']
  const { metrics, champion, rows, from, to, gate, importance, latency } = found
  const period = from === undefined || to === undefined ? '' : `, ${day(from)} to ${day(to)}`
  const measured = Object.entries(metrics).map(([name, value]) => [
    name,
    short(value),
    champion?.metrics[name] === undefined ? '' : short(champion.metrics[name]),
  ])
  const important = Object.entries(importance)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 10)
  return [
    `On ${rows} rows that it had not seen${period}${champion ? `, against version ${champion.number} on the same rows` : ''}.`,
    '',
    ...table(['metric', 'this version', champion ? `version ${champion.number}` : ''], measured),
    '',
    ...(latency
      ? [`One row takes ${short(latency.p50)} ms, ${short(latency.p99)} ms at the 99th percentile.`, '']
      : []),
    ...table(
      ['rule of the gate', 'measured', 'required', 'passed'],
      gate.rules.map(rule => [rule.rule, rule.measured, rule.required, rule.passed ? 'yes' : 'no']),
    ),
    '',
    ...table(
      ['feature', 'increase of the loss when shuffled'],
      important.map(([name, value]) => [name, short(value)]),
    ),
  ]
}

/** What whoever trained it has measured: nobody has checked on which rows. */
const claimed = (metrics: Origin['metrics']): readonly string[] =>
  Object.keys(metrics).length === 0
    ? []
    : [
        '',
        'As its run has logged:',
        '',
        ...table(
          ['metric', 'latest value'],
          Object.entries(metrics).map(([name, value]) => [name, short(value)]),
        ),
      ]

function groups(found: Evaluation | undefined): readonly string[] {
  const slices = found?.slices ?? []
  const fairness = found?.fairness ?? []
  if (slices.length + fairness.length === 0) return ['Not measured: the gate names no slices and no fairness bounds.']
  return [
    ...table(
      ['group', 'rows', found!.metric],
      slices.map(({ column, value, rows, score }) => [
        `${column} = ${value}`,
        String(rows),
        score === undefined ? 'undefined' : short(score),
      ]),
    ),
    ...fairness.map(
      ({ column, measure, difference, groups: count, max }) =>
        `- ${measure} over ${column}: ${difference === undefined ? 'not measurable' : short(difference)} between ${count} groups, at most ${short(max)} allowed`,
    ),
  ]
}

function assurance({ scan, signed, approvals, version }: CardFacts): readonly string[] {
  const findings = (scan?.files ?? []).flatMap(({ path, findings: found }) =>
    found
      .filter(({ severity }) => severity !== 'info')
      .map(({ severity, what }) => `  - ${severity}: ${text(path)} ${text(what)}`),
  )
  return [
    scan ? `- Files read on ${day(scan.at)}: ${scan.verdict}` : '- Files not read.',
    ...findings,
    signed ? '- Signed (OpenSSF Model Signing).' : '- Not signed.',
    ...approvals.approvals
      .filter(({ digest }) => digest === version.digest)
      .map(
        ({ actor, role, verdict, reason, at }) =>
          `- ${day(at)}: ${text(actor)} (${role}) says ${verdict}: ${text(reason)}`,
      ),
  ]
}

const history = ({ transitions }: ModelVersion): readonly string[] =>
  transitions.length === 0
    ? ['No moves yet.']
    : transitions.map(
        ({ at, actor, from, to, reason }) => `- ${day(at)}: ${from} → ${to} by ${text(actor)}. ${text(reason)}`,
      )

const written = ({ opinions }: CardFacts, name: Opinion): string =>
  opinions[name]?.text ?? '*Nobody has written this yet.*'

const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
  rows.length === 0
    ? ['Not recorded.']
    : [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.map(cell).join(' | ')} |`)

/** One line of what somebody typed: it must not become structure. */
const text = (value: string): string => value.replaceAll(/\s+/g, ' ').replaceAll(/([\\`*_[\]<>])/g, '\\$1')
const cell = (value: string): string => (value === '---' ? value : text(value).replaceAll('|', '\\|'))
const day = (at: number): string => isoInstant(at).slice(0, 10)
const short = (value: number): string => String(Number(value.toPrecision(4)))
