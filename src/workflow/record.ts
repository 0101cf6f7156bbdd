import type { z } from 'zod'
import type { AttemptWire, ResourceSeriesWire, ResourceUseWire, TaskRecordWire, TaskResourcesWire } from './wire.ts'

/** What the platform notes of every attempt by itself: code, environment, command, host, data, resources, end. */
export type TaskRecord = z.output<typeof TaskRecordWire>
export type TaskResources = z.output<typeof TaskResourcesWire>
export type ResourceUse = z.output<typeof ResourceUseWire>
export type ResourceSeries = z.output<typeof ResourceSeriesWire>
/** One try at a task, with its record. */
export type AttemptDetail = z.output<typeof AttemptWire>

/** The record as it grows while the attempt runs. */
export interface Recorder {
  /** Adds to it; of `exit` and `resources` the last word counts, field by field. */
  add(part: Partial<TaskRecord>): void
  readonly record: TaskRecord
}

export function createRecorder(start: TaskRecord): Recorder {
  let record = start
  return {
    add({ exit, ...part }) {
      record = { ...record, ...part, ...(exit && { exit: { ...record.exit, ...exit } }) }
    },
    get record() {
      return record
    },
  }
}
