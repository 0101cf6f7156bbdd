import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import type { AnyTx, Db } from '#storage'
import type { Edge } from './node.ts'
import type { Direction, LedgerStore, Reached, StoredEntries } from './store.ts'

/** What every {@link LedgerStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function ledgerStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: LedgerStore }>,
): void {
  test(`${name}: a node written twice keeps its first label and merges its facts`, async t => {
    const { db, store } = await open(t)
    const node = { id: 'run_1', kind: 'run', label: 'first', project: 'rain', at: 5 as Millis } as const

    await db.transaction().execute(tx => put(store, tx, { nodes: [{ ...node, facts: { a: 1 } }] }))
    await db.transaction().execute(tx => put(store, tx, { nodes: [{ ...node, label: 'second', facts: { b: 2 } }] }))

    assert.deepEqual(await store.findNode('run_1'), { ...node, facts: { a: 1, b: 2 } })
  })

  test(`${name}: many nodes and edges at once are as those written one after the other`, async t => {
    const { db, store } = await open(t)
    const node = (id: string, facts: Record<string, string | number>) =>
      ({ id, kind: 'task', label: 'first', project: 'rain', at: 5 as Millis, facts }) as const
    const many = Array.from({ length: 300 }, (_, index) => node(`tsk_${index}`, { index }))
    const madeBy = (from: string, to: string): Edge => ({ from, to, relation: 'made_by' })
    const digest = digestOf('rows')

    await db.transaction().execute(async tx => {
      await put(store, tx, { nodes: [node('tsk_7', { old: 1 })] })
      await store.put(tx, {
        nodes: [...many, { ...node('tsk_8', { again: 1 }), label: 'second' }, node('art', { digest })],
        edges: [...many.map(({ id }) => madeBy(id, 'run')), madeBy('tsk_1', 'run')],
        firstEdges: [madeBy('art', 'tsk_1'), madeBy('art', 'tsk_2'), madeBy('tsk_3', 'other')],
      })
    })

    const facts = async (id: string): Promise<unknown> => (await store.findNode(id))?.facts
    assert.deepEqual(
      {
        facts: [await facts('tsk_7'), await facts('tsk_8'), await facts('tsk_299')],
        label: (await store.findNode('tsk_8'))?.label,
        projects: await store.projectsOf(digest),
        reached: (await store.walk({ downstream: ['run'] }, 400)).downstream?.nodes.length,
        first: (await edgesOf(store, 'art', 'upstream')).filter(({ from }) => from === 'art'),
        later: await edgesOf(store, 'tsk_3', 'upstream'),
      },
      {
        facts: [{ old: 1, index: 7 }, { index: 8, again: 1 }, { index: 299 }],
        label: 'first',
        projects: ['rain'],
        reached: 301,
        first: [madeBy('art', 'tsk_1')],
        later: [madeBy('tsk_3', 'run')],
      },
    )
  })

  test(`${name}: what an edge names is no node until it is written`, async t => {
    const { db, store } = await open(t)
    const digest = digestOf('rows')
    const node = {
      id: 'run',
      kind: 'run',
      label: 'first',
      project: 'rain',
      at: 5 as Millis,
      facts: { digest },
    } as const
    await db.transaction().execute(tx => put(store, tx, { edges: [{ from: 'run', to: 'data', relation: 'read' }] }))
    const before = [
      await store.findNode('run'),
      await store.projectsOf(digest),
      (await store.walk({ upstream: ['run'] }, 10)).upstream?.nodes,
    ]

    await db
      .transaction()
      .execute(tx => put(store, tx, { nodes: [node, { ...node, label: 'second', facts: { b: 2 } }] }))

    const written = { ...node, facts: { digest, b: 2 } }
    assert.deepEqual(before, [undefined, [], []])
    assert.deepEqual(
      [
        await store.findNode('run'),
        await store.projectsOf(digest),
        (await store.walk({ upstream: ['run'] }, 10)).upstream?.nodes,
      ],
      [written, ['rain'], [written]],
    )
  })

  test(`${name}: the projects of bytes are those of the nodes that are these bytes`, async t => {
    const { db, store } = await open(t)
    const digest = digestOf('rows')
    const dataset = (id: string, project: string, facts: Record<string, string>): Promise<void> =>
      db
        .transaction()
        .execute(tx =>
          put(store, tx, { nodes: [{ id, kind: 'dataset_version', label: id, project, at: 5 as Millis, facts }] }),
        )
    await dataset('dsv_1', 'rain', { digest })
    await dataset('dsv_2', 'rain', { digest })
    await dataset('dsv_3', 'snow', { digest })
    await dataset('dsv_4', 'hail', { of: digest })

    assert.deepEqual((await store.projectsOf(digest)).toSorted(), ['rain', 'snow'])
    assert.deepEqual(await store.projectsOf(digestOf('nothing')), [])
  })

  test(`${name}: nothing is written when the caller's transaction fails`, async t => {
    const { db, store } = await open(t)

    await assert.rejects(
      db.transaction().execute(async tx => {
        await put(store, tx, {
          nodes: [{ id: 'run_1', kind: 'run', label: 'x', project: 'rain', at: 5 as Millis, facts: {} }],
        })
        await put(store, tx, { edges: [{ from: 'run_1', to: 'run_0', relation: 'after' }] })
        throw new Error('undone')
      }),
      /undone/,
    )

    assert.deepEqual([await store.findNode('run_1'), await edgesOf(store, 'run_1', 'upstream')], [undefined, []])
  })

  test(`${name}: edges are found from both ends, once however often they were written`, async t => {
    const { db, store } = await open(t)
    const edge = { from: 'b', to: 'a', relation: 'made_by' }

    await db.transaction().execute(async tx => {
      await put(store, tx, { edges: [edge] })
      await put(store, tx, { edges: [edge] })
    })

    assert.deepEqual(
      [
        await edgesOf(store, 'b', 'upstream'),
        await edgesOf(store, 'a', 'downstream'),
        await edgesOf(store, 'a', 'upstream'),
      ],
      [[edge], [edge], []],
    )
  })

  test(`${name}: what was made once is not made again by who finds it`, async t => {
    const { db, store } = await open(t)
    const first = { from: 'data', to: 'ingest1', relation: 'made_by' }

    await db.transaction().execute(async tx => {
      await put(store, tx, { firstEdges: [first] })
      await put(store, tx, { firstEdges: [{ ...first, to: 'ingest2' }] })
      await put(store, tx, { firstEdges: [{ ...first, to: 'raw', relation: 'read_from' }] })
    })

    assert.deepEqual(await edgesOf(store, 'data', 'upstream'), [
      first,
      { from: 'data', to: 'raw', relation: 'read_from' },
    ])
  })

  test(`${name}: a walk goes both ways to the end, through diamonds, circles and ids without a node`, async t => {
    const { db, store } = await open(t)
    await db.transaction().execute(async tx => {
      for (const id of ['data', 'left', 'right', 'model', 'live'])
        await put(store, tx, {
          nodes: [{ id, kind: 'artifact', label: id, project: 'rain', at: 5 as Millis, facts: { id } }],
        })
      for (const edge of [
        'left>data',
        'right>data',
        'model>left',
        'model>right',
        'unknown>model',
        'live>unknown',
        'data>live',
      ])
        await put(store, tx, { edges: [{ from: edge.split('>')[0]!, to: edge.split('>')[1]!, relation: 'made_by' }] })
    })

    const { upstream, downstream } = await store.walk({ upstream: ['model'], downstream: ['model'] }, 10)

    const all = ['data', 'left', 'live', 'model', 'right']
    const said = (reached: Reached | undefined): unknown => [
      reached?.nodes.map(node => node.id).toSorted(),
      reached?.edges.length,
      reached?.isAll,
      reached?.nodes.find(node => node.id === 'live')?.facts,
    ]
    assert.deepEqual(
      [said(upstream), said(downstream)],
      [
        [all, 7, true, { id: 'live' }],
        [all, 7, true, { id: 'live' }],
      ],
    )
  })

  test(`${name}: a walk gives every character of ids and labels as it was written`, async t => {
    const { db, store } = await open(t)
    const hard = { id: 'a\u001fb"\\', kind: 'artifact', label: '\u001f', project: 'rain', at: 5 as Millis } as const
    const node = { ...hard, id: 'c', label: '', facts: { text: 'x\u001fy' } }
    const edge = { from: 'c', to: hard.id, relation: 'made_by' }
    await db.transaction().execute(async tx => {
      await put(store, tx, { nodes: [{ ...hard, facts: {} }, node] })
      await put(store, tx, { edges: [edge] })
    })

    const { nodes, edges } = (await store.walk({ upstream: ['c'] }, 10)).upstream!
    assert.deepEqual(
      [nodes.toSorted((a, b) => a.id.localeCompare(b.id)), edges],
      [[{ ...hard, facts: {} }, node], [edge]],
    )
  })

  test(`${name}: a walk that is cut off has the nearest nodes, and says so`, async t => {
    const { db, store } = await open(t)
    await db.transaction().execute(async tx => {
      for (const id of ['hub', 'leaf1', 'leaf2', 'twig1', 'twig2'])
        await put(store, tx, {
          nodes: [{ id, kind: 'artifact', label: id, project: 'rain', at: 5 as Millis, facts: {} }],
        })
      for (const n of [1, 2]) {
        await put(store, tx, { edges: [{ from: `leaf${n}`, to: 'hub', relation: 'made_by' }] })
        await put(store, tx, { edges: [{ from: `twig${n}`, to: `leaf${n}`, relation: 'made_by' }] })
      }
    })

    const { downstream, upstream } = await store.walk({ downstream: ['hub'] }, 3)

    const near = downstream!.nodes
      .map(node => node.id)
      .toSorted()
      .slice(0, 3)
    assert.deepEqual([near, downstream!.isAll, upstream], [['hub', 'leaf1', 'leaf2'], false, undefined])
  })
}

const put = (store: LedgerStore, tx: AnyTx, entries: Partial<StoredEntries>): Promise<void> =>
  store.put(tx, { nodes: [], edges: [], firstEdges: [], ...entries })

const edgesOf = async (store: LedgerStore, id: string, direction: Direction): Promise<readonly Edge[]> =>
  (await store.walk({ [direction]: [id] }, 10))[direction]!.edges
