import { test } from 'node:test'
import { MantineProvider } from '@mantine/core'
import { renderToStaticMarkup } from 'react-dom/server'
import { Problem } from '../http.ts'
import { Empty } from './empty.tsx'
import { State } from './state.tsx'
import { Table } from './table.tsx'
import { Trouble } from './trouble.tsx'

const html = (node: React.ReactNode): string =>
  renderToStaticMarkup(
    <MantineProvider withCssVariables={false} withGlobalClasses={false}>
      {node}
    </MantineProvider>,
  )
const columns = [{ title: 'Name', cell: ({ name }: { name: string }) => name }]

test('a table without rows says what to do next, with a command to copy', t => {
  const text = html(
    <Table
      label="Models"
      rows={[]}
      columns={columns}
      keyOf={({ name }) => name}
      empty={
        <Empty title="No model yet" commands={['trainyard run']}>
          Start `training`.
        </Empty>
      }
    />,
  )
  t.assert.match(text, /<h3>No model yet<\/h3><p>Start <code>training<\/code>\.<\/p>/)
  t.assert.match(text, /<code>trainyard run<\/code><button[^>]*aria-label="Copy the command"/)
  t.assert.doesNotMatch(text, /<table/)
})

test('a table names itself and its columns for those who do not see it', t => {
  const text = html(
    <Table label="Models" rows={[{ name: 'rain' }]} columns={columns} keyOf={({ name }) => name} empty={undefined} />,
  )
  t.assert.match(text, /<table[^>]*aria-label="Models"/)
  t.assert.match(text, /<th scope="col">Name<\/th>/)
  t.assert.match(text, /<td>rain<\/td>/)
})

test('a state is a word and an icon, not a colour alone', t => {
  t.assert.match(html(<State state="rolled_back" />), /tone-fail.*<svg[^>]*aria-hidden="true".*<\/svg>rolled back/s)
})

test('an error shows its sentence and what is allowed in each field', t => {
  const error = new Problem({
    status: 422,
    type: '/errors/invalid',
    title: 'Not accepted.',
    problems: [{ field: 'retries', value: -1, allowed: 'from 0 to 20' }],
  })
  t.assert.match(
    html(<Trouble error={error} />),
    /role="alert".*Not accepted\..*<code>retries<\/code> = −1: from 0 to 20/s,
  )
})
