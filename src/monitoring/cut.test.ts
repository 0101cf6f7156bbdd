import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutWindows } from './cut.ts'
import { dayMs } from './season.ts'

const days = (...counts: readonly number[]): ReadonlyMap<number, number> =>
  new Map(counts.flatMap((count, day): [number, number][] => (count > 0 ? [[day * dayMs, count]] : [])))
const inDays = ({ windows, openFrom, pending }: ReturnType<typeof cutWindows>) => ({
  windows: windows.map(({ from, to }) => [from / dayMs, to / dayMs]),
  openFrom: openFrom === undefined ? undefined : openFrom / dayMs,
  pending,
})
const cut = (counts: ReadonlyMap<number, number>, watermarkDays: number, openFromDays?: number) =>
  inDays(
    cutWindows(counts, {
      openFrom: openFromDays === undefined ? undefined : openFromDays * dayMs,
      watermark: watermarkDays * dayMs,
      windowRows: 60,
    }),
  )

test('a window is one day at least, however many rows it has', () => {
  assert.deepEqual(cut(days(500, 40), 1.5), { windows: [[0, 1]], openFrom: 1, pending: 40 })
})

test('days accumulate until the rows suffice', () => {
  assert.deepEqual(cut(days(30, 20, 20, 5), 3.2), { windows: [[0, 3]], openFrom: 3, pending: 5 })
})

test('a day that the watermark has not passed is not full', () => {
  assert.deepEqual(cut(days(500), 0.9), { windows: [], openFrom: 0, pending: 500 })
})

test('several windows are cut at once, and empty days between them belong to none', () => {
  assert.deepEqual(cut(days(60, 0, 0, 70, 3), 5), {
    windows: [
      [0, 1],
      [3, 4],
    ],
    openFrom: 4,
    pending: 3,
  })
})

test('rows before the window that is filling are not counted again', () => {
  assert.deepEqual(cut(days(60, 70), 3, 1), { windows: [[1, 2]], openFrom: 2, pending: 0 })
})
