import type { LiveDeployment } from '../route-table.ts'

/** `copy.json` of an embedded package: which revision of which deployment it is a copy of. */
export interface Copy {
  readonly deployment: string
  /** Id and number of the revision. */
  readonly revision: string
  readonly number: number
  /** Id of the model version. */
  readonly version: string
  /** SHA-256 of `model.onnx`. */
  readonly model: string
  /** Path of the serving code's module in the package. */
  readonly code?: string
  /** What a copy writes down: everything, but for the inputs that are left out. */
  readonly log: LiveDeployment['log']
}
