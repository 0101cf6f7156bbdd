import type { NoticeKind, NotificationsSpec } from '#project'

/** Something that people should know: what and where, why, and what next. */
export interface Notice {
  readonly kind: NoticeKind
  readonly project: string
  readonly title: string
  /** A line of the error or reason. */
  readonly why?: string | undefined
  readonly next?: string | undefined
  /** Path of the page about it. */
  readonly path: string
  readonly pipeline?: string | undefined
  readonly model?: string | undefined
}

/** What is told when nobody has said otherwise: all but that a run has gone well. */
export const isToldByDefault = (kind: NoticeKind): boolean => kind !== 'run.succeeded'

/** The channels that the rules send a notice to. */
export function channelsFor(
  { kind, pipeline, model }: Pick<Notice, 'kind' | 'pipeline' | 'model'>,
  { channels, rules }: Pick<NotificationsSpec, 'channels' | 'rules'>,
): readonly string[] {
  const all = Object.keys(channels)
  if (rules === undefined) return isToldByDefault(kind) ? all : []
  const matching = rules.filter(
    rule =>
      rule.on.includes(kind) &&
      (rule.pipelines === undefined || (pipeline !== undefined && rule.pipelines.includes(pipeline))) &&
      (rule.models === undefined || (model !== undefined && rule.models.includes(model))),
  )
  return all.filter(name => matching.some(({ to }) => to.includes(name)))
}

const lineMax = 300

/** The first line of a reason; where that announces the last lines of a log, with the last of them, which tells the most. */
export function reasonLine(text: string | undefined): string | undefined {
  const lines = (text ?? '').split('\n').map(line => line.trim())
  const [first = ''] = lines
  const last = lines.findLast(line => line !== '')
  const line = first.endsWith('Its last lines:') && last !== first ? `${first} ${last}` : first
  return line === '' ? undefined : line.length > lineMax ? `${line.slice(0, lineMax)}…` : line
}
