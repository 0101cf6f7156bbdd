import { test } from 'node:test'
import { renderToStaticMarkup } from 'react-dom/server'
import { Ago, Took } from './time.tsx'

test('a time that no client has said is not told as one of 1970', t => {
  const now = Date.now()
  const told = [
    <Ago key="ago" at={now - 7_300_000} />,
    <Ago key="zero" at={0} />,
    <Ago key="counted" at={19} />,
    <Took key="took" from={now - 9_000} to={now - 1_000} />,
    <Took key="unsaid" from={0} to={now} />,
    <Took key="none" />,
  ].map(element => renderToStaticMarkup(element).replaceAll(/<[^>]+>/g, ''))

  t.assert.deepEqual(told, ['2 h ago', '–', '–', '8.0 s', '–', '–'])
})
