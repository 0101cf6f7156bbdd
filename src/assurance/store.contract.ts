import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import type { AnyTx, Db } from '#storage'
import type { Approval } from './approval.ts'
import type { AssuranceStore } from './store.ts'

/** What every {@link AssuranceStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function assuranceStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: AssuranceStore }>,
): void {
  const write = (db: Db, work: (tx: AnyTx) => Promise<void>): Promise<void> => db.transaction().execute(work)
  const digest = digestOf('files')
  const at = (n: number): Millis => n as Millis

  test(`${name}: a scan and a signature replace what was there before`, async t => {
    const { db, store } = await open(t)
    const scan = { digest, at: at(1), verdict: 'clean', files: [] } as const
    const signature = { digest, bundle: '{}', publicKey: 'pem', at: at(1) }

    await write(db, async tx => {
      await store.putScan(tx, 'mdv_1', { ...scan, files: [] })
      await store.putScan(tx, 'mdv_1', { ...scan, files: [], verdict: 'danger', at: at(2) })
      await store.putSignature(tx, 'mdv_1', signature)
      await store.putSignature(tx, 'mdv_1', { ...signature, bundle: '{"a":1}' })
    })

    assert.deepEqual(
      [await store.findScan('mdv_1'), await store.findSignature('mdv_1'), await store.findScan('mdv_2')],
      [{ ...scan, verdict: 'danger', at: 2 }, { ...signature, bundle: '{"a":1}' }, undefined],
    )
  })

  test(`${name}: approvals are kept in their order, each by itself`, async t => {
    const { db, store } = await open(t)
    const approval = (id: string, verdict: Approval['verdict']): Approval => ({
      id,
      actor: 'ada',
      role: 'admin',
      verdict,
      reason: 'seen',
      digest,
      at: at(1),
    })

    let inside: readonly Approval[] = []
    await write(db, async tx => {
      await store.addApproval(tx, 'mdv_1', approval('apr_1', 'approve'))
      await store.addApproval(tx, 'mdv_1', approval('apr_2', 'reject'))
      inside = await store.approvals('mdv_1', tx)
    })

    assert.deepEqual(
      [inside, await store.approvals('mdv_1'), await store.approvals('mdv_2')],
      [
        [approval('apr_1', 'approve'), approval('apr_2', 'reject')],
        [approval('apr_1', 'approve'), approval('apr_2', 'reject')],
        [],
      ],
    )
  })

  test(`${name}: an opinion holds for later versions until somebody writes anew, never for earlier ones`, async t => {
    const { db, store } = await open(t)
    const place = (number: number) => ({ project: 'rain', model: 'umbrella', number })
    const opinion = (name: 'ethics' | 'licence', text: string) => ({ name, text, actor: 'ada', at: at(1) })

    await write(db, async tx => {
      await store.putOpinion(tx, place(2), opinion('ethics', 'none'))
      await store.putOpinion(tx, place(2), opinion('licence', 'MIT'))
      await store.putOpinion(tx, place(4), opinion('ethics', 'some'))
      await store.putOpinion(tx, place(4), opinion('ethics', 'some more'))
    })

    const texts = async (number: number): Promise<unknown> =>
      Object.fromEntries(Object.entries(await store.opinions(place(number))).map(([key, value]) => [key, value.text]))
    assert.deepEqual(
      [await texts(1), await texts(3), await texts(5)],
      [{}, { ethics: 'none', licence: 'MIT' }, { ethics: 'some more', licence: 'MIT' }],
    )
  })
}
