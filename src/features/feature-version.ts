import type { z } from 'zod'
import type { FeatureVersionWire, FeatureViewWire, TrainingSetWire } from './wire.ts'

/** The rows of a feature view over one dataset version: immutable, addressed by content, with the rules they follow. */
export type FeatureVersion = z.output<typeof FeatureVersionWire>
export type FeatureViewState = z.output<typeof FeatureViewWire>
/** Rows of a service with their label, each feature as it was known at the row's instant. */
export type TrainingSet = z.output<typeof TrainingSetWire>

export const eventTime = 'event_time'
export const label = 'label'
/** Columns that say which row it is or what it is to predict; no feature may be called so. */
export const reserved = [eventTime, label, 'known_at'] as const

/** The features of a version with their types: its columns but the key and the event time. */
export const featureColumns = ({ columns }: Pick<FeatureVersion, 'columns'>, key: string): FeatureVersion['columns'] =>
  columns.filter(({ name }) => name !== key && name !== eventTime)

export const featuresOf = (version: Pick<FeatureVersion, 'columns'>, key: string): string[] =>
  featureColumns(version, key).map(({ name }) => name)
