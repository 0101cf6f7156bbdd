import type { TriggerSpec } from './trigger-spec.ts'

/** A trigger that time fires: it has instants, past ones too. */
export type Rhythm = Extract<TriggerSpec, { on: 'schedule' | 'interval' | 'calendar' }>

export const isRhythm = (spec: TriggerSpec): spec is Rhythm =>
  spec.on === 'schedule' || spec.on === 'interval' || spec.on === 'calendar'
