import { test } from 'node:test'
import { withoutDetails } from './lineage.ts'
import { staleKeys } from './live.ts'
import { eventTypes } from './sentences.ts'
import type { Lineage } from './wire.ts'

test('a lineage without its tasks still joins what they connected', t => {
  const node = (id: string, kind: string): unknown => ({ id, kind })
  const lineage = {
    root: 'version',
    nodes: [
      node('version', 'model_version'),
      node('train', 'task'),
      node('file', 'artifact'),
      node('rows', 'training_set'),
      node('run', 'run'),
    ],
    edges: [
      { from: 'version', to: 'train', relation: 'made_by' },
      { from: 'train', to: 'file', relation: 'read' },
      { from: 'file', to: 'rows', relation: 'read' },
      { from: 'train', to: 'run', relation: 'in' },
    ],
    truncated: false,
  } as unknown as Lineage
  const { nodes, edges } = withoutDetails(lineage)
  t.assert.deepEqual(
    { nodes: nodes.map(({ id }) => id), edges: edges.map(({ from, to }) => `${from} ${to}`) },
    { nodes: ['version', 'rows', 'run'], edges: ['version rows', 'version run'] },
  )
})

test('every kind of event makes something stale beside the loop and the event list', t => {
  t.assert.deepEqual(
    eventTypes.filter(type => staleKeys(type).length < 3),
    [],
  )
})
