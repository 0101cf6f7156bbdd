import type { OutputKind } from './output-kind.ts'
import type { PlatformTask } from './task-spec.ts'

/** What a platform task takes and gives: the contract between the project file and the component that does the work. */
export interface PlatformTaskShape {
  /** Parameters by name: the section whose entries it may name, or the values it may have. */
  readonly params: Readonly<Record<string, PlatformParam>>
  /** At least one of these parameters must be given. */
  readonly anyOf?: readonly string[]
  /** Inputs it cannot do without, and what they are. */
  readonly inputs: Readonly<Record<string, OutputKind>>
  /** Whether it takes inputs of other names as well. */
  readonly moreInputs?: true
  readonly outputs: Readonly<Record<string, OutputKind>>
}

export interface PlatformParam {
  readonly required?: true
  readonly section?: 'sources' | 'features' | 'services' | 'labels' | 'models' | 'deployments'
  readonly values?: readonly string[]
  readonly type?: 'number' | 'string' | 'boolean'
}

export const platformTaskShapes: Readonly<Record<PlatformTask, PlatformTaskShape>> = {
  'data.ingest': {
    params: { source: { required: true, section: 'sources' } },
    inputs: {},
    outputs: { dataset: 'dataset' },
  },
  'data.validate': {
    params: {},
    inputs: { dataset: 'dataset' },
    outputs: { dataset: 'dataset', report: 'report' },
  },
  'features.compute': {
    params: { view: { required: true, section: 'features' } },
    inputs: { dataset: 'dataset' },
    outputs: { features: 'features' },
  },
  'features.materialise': { params: {}, inputs: { features: 'features' }, outputs: { online: 'online' } },
  'features.training-set': {
    params: { service: { required: true, section: 'services' }, label: { required: true, section: 'labels' } },
    inputs: { dataset: 'dataset' },
    moreInputs: true,
    outputs: { rows: 'dataset' },
  },
  'features.split': {
    params: { testDays: { type: 'number' }, testShare: { type: 'number' }, format: { values: ['csv', 'parquet'] } },
    anyOf: ['testDays', 'testShare'],
    inputs: { rows: 'dataset' },
    outputs: { train: 'dataset', test: 'dataset' },
  },
  'registry.evaluate': {
    params: { model: { required: true, section: 'models' } },
    inputs: { model: 'model', test: 'dataset' },
    outputs: { evaluation: 'evaluation' },
  },
  'registry.register': {
    params: { model: { required: true, section: 'models' } },
    inputs: { model: 'model', evaluation: 'evaluation' },
    outputs: { version: 'version' },
  },
  'serving.predict': {
    params: {
      deployment: { required: true, section: 'deployments' },
      format: { values: ['csv', 'parquet'] },
      // A table of a database, whose address a secret has: both or neither.
      secret: { type: 'string' },
      table: { type: 'string' },
      write: { values: ['append', 'replace'] },
    },
    inputs: { rows: 'dataset' },
    outputs: { predictions: 'dataset' },
  },
}
