import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contractOf, typescriptTypes } from './contract.ts'

test('a client is told what to send, and not what is computed of it', () => {
  const input = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] })
  const request = {
    view: 'trip',
    path: 'trip.sql',
    sql: 'select mm / nullif(usual, 0) + hour(since) as rain, mm, unused as other from request',
    columns: { mm: 'number', since: 'timestamp', unused: 'string' },
    reads: [{ view: 'gauge', field: 'usual', name: 'usual', type: 'number' }],
    fields: ['rain', 'mm', 'other'],
  } as const
  const described = {
    signature: { inputs: [input('wind'), input('mm'), input('rain')], outputs: [input('probability')] },
    service: {
      entityKey: 'city',
      views: [{ view: 'weather', fields: ['wind'] }],
      requests: [{ ...request, reads: [...request.reads], fields: [...request.fields] }],
    },
  }
  const rows = (isRemote: boolean): readonly string[] =>
    typescriptTypes(contractOf(described, isRemote))
      .split('\n')
      .filter(line => line.startsWith('  ') && !line.includes('event_time') && !line.includes('/** '))

  assert.deepEqual(rows(true), [
    '  readonly "since": string',
    '  readonly "wind"?: number | null',
    '  readonly "mm": number',
    '  readonly "city"?: string | number',
  ])
  assert.deepEqual(
    rows(false),
    [
      '  readonly "since": string',
      '  readonly "wind": number',
      '  readonly "mm": number',
      '  readonly "usual": number',
      '  readonly "city"?: string | number',
    ],
    'an embedded copy looks nothing up',
  )
})
