import type { Access } from '#access'
import type { App } from '#http'
import type { RegisteredModels, RegisteredVersions, Webhooks } from '#registry'
import type { Artifacts, Tracking, Uploads } from '#tracking'
import type { EvaluationDatasets, Scorers, Traces } from '#traces'
import { artifactStreams, type ArtifactRouteParts } from './artifact-bytes.ts'
import { artifactCalls } from './artifacts.ts'
import { assessmentCalls } from './assessments.ts'
import { evaluationDatasetCalls } from './evaluation-datasets.ts'
import { experimentCalls } from './experiments.ts'
import { inputCalls } from './inputs.ts'
import { loggedModelCalls } from './logged-models.ts'
import { metricCalls } from './metrics.ts'
import { modelVersionCalls } from './model-versions.ts'
import { otlpStreams } from './otlp.ts'
import { permissionCalls } from './permissions.ts'
import { registeredModelCalls } from './registered-models.ts'
import type { Declare } from './route.ts'
import { runCalls } from './runs.ts'
import { scorerCalls } from './scorers.ts'
import { traceArtifactStreams } from './trace-artifacts.ts'
import { traceMetricCalls } from './trace-metrics.ts'
import { traceCalls } from './traces.ts'
import { traceV2Calls } from './traces-v2.ts'
import { uploadCalls, uploadStreams, type UploadRouteParts } from './uploads.ts'
import { userCalls } from './users.ts'
import { webhookCalls } from './webhooks.ts'

export interface MlflowParts {
  readonly access: Access
  readonly artifacts: Artifacts
  readonly datasets: EvaluationDatasets
  readonly registeredModels: RegisteredModels
  readonly registeredVersions: RegisteredVersions
  readonly registry: ArtifactRouteParts['registry']
  readonly scorers: Scorers
  readonly traces: Traces
  readonly tracking: Tracking
  readonly uploads: Uploads
  readonly webhooks: Webhooks
}

/** Every call of MLflow's API that is answered in JSON. */
export function mlflowCalls(parts: MlflowParts): readonly ((declare: Declare) => void)[] {
  const { access, datasets, registeredModels, registeredVersions, scorers, traces, tracking, webhooks } = parts
  const { experiments } = tracking
  const files = artifactParts(parts)
  return [
    experimentCalls(tracking),
    runCalls(tracking),
    metricCalls(tracking),
    inputCalls(tracking),
    loggedModelCalls(tracking),
    artifactCalls(files),
    uploadCalls(files),
    traceCalls({ traces, experiments }),
    traceV2Calls({ traces, experiments }),
    traceMetricCalls({ traces, experiments }),
    assessmentCalls({ traces }),
    evaluationDatasetCalls({ datasets, experiments }),
    scorerCalls({ scorers, experiments }),
    registeredModelCalls({ models: registeredModels, versions: registeredVersions }),
    modelVersionCalls({ models: registeredModels, versions: registeredVersions }),
    webhookCalls({ webhooks }),
    userCalls({ access }),
    permissionCalls({ access, experiments, models: registeredModels }),
  ]
}

/** Every route of MLflow's API that takes or gives bytes. */
export const mlflowStreams = (
  parts: ArtifactSources & Pick<MlflowParts, 'traces'>,
): readonly ((scope: App) => void)[] => [
  artifactStreams(artifactParts(parts)),
  uploadStreams(artifactParts(parts)),
  otlpStreams({ traces: parts.traces, experiments: parts.tracking.experiments }),
  traceArtifactStreams({ traces: parts.traces }),
]

type ArtifactSources = Pick<
  MlflowParts,
  'artifacts' | 'registeredModels' | 'registeredVersions' | 'registry' | 'tracking' | 'uploads'
>

const artifactParts = ({
  artifacts,
  registeredModels,
  registeredVersions,
  registry,
  tracking,
  uploads,
}: ArtifactSources): UploadRouteParts => ({
  ...tracking,
  artifacts,
  registry,
  uploads,
  async versionUri(name, version, workspace) {
    return registeredVersions.downloadUri({ ...(await registeredModels.place(name, workspace)), version })
  },
})
