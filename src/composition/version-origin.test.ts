import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lineage, NodeKind } from '#metadata'
import { notFound } from '#kernel/error.ts'
import { dataBehind, versionOrigin } from './version-origin.ts'

const lineage = (
  kinds: Readonly<Record<string, NodeKind>>,
  edges: readonly (readonly [from: string, relation: string, to: string])[],
): Lineage => ({
  root: 'v2',
  nodes: Object.entries(kinds).map(([id, kind]) => ({
    id,
    kind,
    label: id,
    project: 'rain',
    at: 1 as never,
    facts: {},
  })),
  edges: edges.map(([from, relation, to]) => ({ from, relation, to })),
  truncated: false,
})

const labels = (found: Lineage): readonly string[] => dataBehind(found).map(({ label }) => label)

test('a version that the loop has retrained was made from its own training set, not from that of the one before', () => {
  const kinds = {
    v2: 'model_version',
    set2: 'training_set',
    features2: 'feature_version',
    weather15: 'dataset_version',
    ingest: 'task',
    run: 'run',
    incident: 'incident',
    v1: 'model_version',
    set1: 'training_set',
    weather1: 'dataset_version',
  } as const
  const edges = [
    ['v2', 'trained_on', 'set2'],
    ['set2', 'joined from', 'features2'],
    ['features2', 'made_by', 'ingest'],
    ['ingest', 'read', 'weather15'],
    ['ingest', 'part_of', 'run'],
    ['run', 'caused_by', 'incident'],
    ['incident', 'observed', 'v1'],
    ['v1', 'trained_on', 'set1'],
    ['set1', 'labelled from', 'weather1'],
  ] as const
  assert.deepEqual(labels(lineage(kinds, edges)), ['set2', 'weather15'])
})

test('a version that a client has registered was made from what its run has read', () => {
  const kinds = {
    v2: 'model_version',
    model: 'logged_model',
    fit: 'tracking_run',
    rows: 'dataset_version',
    other: 'model_version',
    old: 'dataset_version',
  } as const
  const edges = [
    ['v2', 'made_from', 'model'],
    ['model', 'made_by', 'fit'],
    ['fit', 'read', 'rows'],
    ['fit', 'read', 'other'],
    ['other', 'made_by', 'old'],
  ] as const
  assert.deepEqual(labels(lineage(kinds, edges)), ['rows'])
})

test('what a client has logged of its run is what its version was made from; that of another project is not', async () => {
  const row = (key: string, value: unknown) => ({ key, value, timestamp: 1, step: 0 })
  const { origin } = versionOrigin({
    ledger: { ancestors: async () => lineage({ v2: 'model_version', people: 'dataset' }, [['v2', 'read', 'people']]) },
    workflow: {} as never,
    tracking: {
      runs: {
        document: async id => {
          if (id === 'gone') throw notFound('run', id)
          return {
            run: { project: id },
            params: JSON.stringify([row('depth', '3')]),
            metrics: JSON.stringify([row('auc', 0.75), row('loss', 'NaN')]),
            tags: JSON.stringify([row('mlflow.source.git.commit', 'c0ffee')]),
            datasets: '[]',
            modelInputs: '[]',
            modelOutputs: '[]',
          } as never
        },
      },
    },
  })
  const of = (trackingRun: string | undefined) => origin({ id: 'v2', project: 'rain', trackingRun } as never)

  const data = ['dataset people']
  const unknown = { data, params: {}, metrics: {} }
  assert.deepEqual(await Promise.all([of('rain'), of('snow'), of('gone'), of(undefined)]), [
    { data, params: { depth: '3' }, metrics: { auc: 0.75, loss: Number.NaN }, commit: 'c0ffee' },
    unknown,
    unknown,
    unknown,
  ])
})
