import type { OutputColumn } from './runtime.ts'

/** What a node has answered about rows that others were asked about too. */
export interface MemberAnswer {
  readonly member: string
  readonly answer: readonly OutputColumn[]
}

/** What several nodes answer about the same rows, as one answer. Throws with a sentence when it cannot be one. */
export function combined(how: 'mean' | 'vote' | 'all', answers: readonly MemberAnswer[]): readonly OutputColumn[] {
  if (how === 'all')
    return answers.flatMap(({ member, answer }) =>
      answer.map(output => ({ ...output, name: `${member}.${output.name}` })),
    )
  const combine = how === 'mean' ? meanOf : mostOf
  const [first] = answers as readonly [MemberAnswer]
  return first.answer.map(output => combine(answers.map(other => counterpart(output, { first, other }))))
}

function counterpart(
  { name, width }: OutputColumn,
  { first, other }: { first: MemberAnswer; other: MemberAnswer },
): OutputColumn {
  const found = other.answer.find(output => output.name === name)
  if (found?.width === width) return found
  const values = `${width} ${width === 1 ? 'value' : 'values'} for each row`
  throw new Error(`${other.member} must answer ${name}, as ${first.member} does, with ${values}.`)
}

function meanOf(columns: readonly OutputColumn[]): OutputColumn {
  const [first] = columns as readonly [OutputColumn]
  const odd = columns.find(({ values }) => values.some(value => typeof value !== 'number'))
  if (odd) throw new Error(`${odd.name} is ${odd.datatype}: there is a mean of numbers alone.`)
  const values = first.values.map(
    (_, at) => columns.reduce((sum, column) => sum + Number(column.values[at]), 0) / columns.length,
  )
  return { ...first, datatype: first.datatype === 'FP32' ? 'FP32' : 'FP64', values }
}

/** Of as many the first. */
function mostOf(columns: readonly OutputColumn[]): OutputColumn {
  const [first] = columns as readonly [OutputColumn]
  const values = first.values.map((_, at) => {
    const said = columns.map(column => column.values[at]!)
    const counts = said.map(value => said.filter(other => other === value).length)
    return said[counts.indexOf(Math.max(...counts))]!
  })
  return { ...first, values }
}
