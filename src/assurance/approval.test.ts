import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { approvalState, requireApproved, type Approval, type ApprovalRule } from './approval.ts'

const digest = digestOf('model')
const rule: ApprovalRule = { count: 2, roles: ['admin', 'editor'], fourEyes: true }
const judged = { digest, maker: 'ada' }
const word = (actor: string, change: Partial<Approval> = {}): Approval => ({
  id: `apr_${actor}`,
  actor,
  role: 'editor',
  verdict: 'approve',
  reason: 'seen',
  digest,
  at: 1 as never,
  ...change,
})
const missing = (...given: Approval[]): readonly string[] => approvalState(rule, judged, given).missing

test('as many people as the rule says, other than the maker, must approve', () => {
  assert.deepEqual(
    [missing(), missing(word('bob')), missing(word('ada'), word('bob')), missing(word('bob'), word('cy'))],
    [
      ['2 more approvals by admin or editor, not by ada, who made it'],
      ['1 more approval by admin or editor, not by ada, who made it'],
      ['1 more approval by admin or editor, not by ada, who made it'],
      [],
    ],
  )
})

test('without four eyes the maker counts', () => {
  assert.deepEqual(approvalState({ ...rule, fourEyes: false }, judged, [word('ada'), word('bob')]).missing, [])
})

test('one person is one approval, and a later word replaces the earlier one', () => {
  assert.equal(missing(word('bob'), word('bob')).length, 1)
  assert.deepEqual(missing(word('bob'), word('cy'), word('bob', { verdict: 'reject', reason: 'leaks' })), [
    'bob has rejected it: leaks',
    '1 more approval by admin or editor, not by ada, who made it',
  ])
  assert.deepEqual(missing(word('bob', { verdict: 'reject' }), word('cy'), word('bob')), [])
})

test('a role that the rule does not name, and a word about other files, count for nothing', () => {
  assert.equal(missing(word('bob'), word('cy', { role: 'viewer' })).length, 1)
  assert.equal(missing(word('bob'), word('cy', { digest: digestOf('other') })).length, 1)
})

test('a model that asks for no approvals is approved, and one that lacks some is refused with what it lacks', () => {
  assert.deepEqual(approvalState(undefined, judged, []), { required: 0, approvals: [], missing: [] })
  assert.throws(() => requireApproved('rain 3', approvalState(rule, judged, [word('bob')])), {
    code: 'conflict',
    message: 'rain 3 cannot go to production: it needs 1 more approval by admin or editor, not by ada, who made it.',
  })
})
