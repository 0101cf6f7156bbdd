import type { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import { checkSelect, type Computed } from './expression/check.ts'
import type { ValueType } from './expression/expression.ts'
import { SyntaxProblem } from './expression/tokens.ts'
import { eventTime, reserved } from './feature-version.ts'
import type { RequestViewWire } from './wire.ts'

/** Features that are computed when a request comes, with all that they are computed of. */
export type RequestView = z.output<typeof RequestViewWire>

const features: readonly ValueType[] = ['boolean', 'integer', 'number', 'string']
const featureName = /^[A-Za-z_]\w*$/

/** The columns that the file of a view may read. */
export const columnsFor = ({ columns, reads }: RequestView, entityKey: string): Record<string, ValueType> => ({
  ...columns,
  ...Object.fromEntries(reads.map(({ name, type }) => [name, type])),
  [entityKey]: 'string',
  [eventTime]: 'timestamp',
})

/** What a view computes. Throws `invalid` naming its file, the line, and what is allowed there. */
export function readRequestView(view: RequestView, entityKey: string): Computed[] {
  const { path, sql, columns } = view
  const known = columnsFor(view, entityKey)
  const refuse = (name: string, allowed: string): never => {
    throw invalid(`${path} does not select what it should.`, [{ field: name, allowed }])
  }
  try {
    const computed = checkSelect(sql, known)
    for (const { name, type, expression } of computed) {
      const isItself = 'column' in expression && expression.column === name
      if (!featureName.test(name)) refuse(name, 'a name of letters, digits and _: give it one with AS')
      if (name === entityKey || (reserved as readonly string[]).includes(name))
        refuse(name, 'another name: this one is taken by the label')
      if (Object.hasOwn(columns, name) && !isItself)
        refuse(name, 'another name: a request brings a column that is called so')
      if (!features.includes(type)) refuse(name, `a number, boolean or text, not a ${type}`)
    }
    return computed
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    throw invalid(`${path}, line ${error.line}: ${error.message}`, [
      { field: path, allowed: 'SELECT … AS name, … FROM request' },
    ])
  }
}
