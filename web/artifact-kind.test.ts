import { test } from 'node:test'
import { nameOf, previewOf, readable } from './artifact-kind.ts'

test('a file is shown as an image or as text, and what could run is text', t => {
  const kinds = ['plots/a.PNG', 'notes.txt', 'page.html', 'drawing.svg', 'model/MLmodel', 'model.pkl', 'x.pdf'].map(
    path => previewOf({ path, is_dir: false }),
  )
  t.assert.deepEqual(kinds, ['image', 'text', 'text', 'text', 'text', 'none', 'none'])
  t.assert.equal(previewOf({ path: 'scan.png', is_dir: false, file_size: 50_000_000 }), 'none')
})

test('JSON is broken into lines, and left alone when it is cut off', t => {
  t.assert.deepEqual(
    [readable('a.json', '{"a":1}'), readable('a.json', '{"a":'), readable('a.txt', '{"a":1}'), nameOf('plots/a.png')],
    ['{\n  "a": 1\n}', '{"a":', '{"a":1}', 'a.png'],
  )
})
