import { stringify } from 'yaml'
import { isoInstant } from '#kernel/clock.ts'
import type { ModelVersion } from './model-version.ts'
import type { Tensor } from './signature.ts'

/** MLflow's own description of a model folder: the file `MLmodel`, in YAML. */
export const mlmodelName = 'MLmodel'

/** The folder's format: what MLflow 2 and 3 both read. */
const mlflowVersion = '2.9.2'
const pythonVersion = '3.11.0'
const data = 'model.onnx'

/** The text files that make ONNX bytes, beside them as `model.onnx`, a folder that `mlflow.onnx.load_model` reads. */
export function onnxFolder({ id, trackingRun, signature, createdAt }: ModelVersion): Readonly<Record<string, string>> {
  const requirements = ['mlflow', 'onnx', 'onnxruntime']
  const environment = { conda: 'conda.yaml', virtualenv: 'python_env.yaml' }
  const description = {
    artifact_path: 'model',
    flavors: {
      onnx: { code: null, data, onnx_version: '1.14.0', providers: ['CPUExecutionProvider'] },
      python_function: { data, env: environment, loader_module: 'mlflow.onnx', python_version: pythonVersion },
    },
    mlflow_version: mlflowVersion,
    model_uuid: id.replaceAll(/[^0-9a-f]/g, '').slice(-32),
    run_id: trackingRun ?? null,
    ...(signature && {
      signature: {
        inputs: JSON.stringify(signature.inputs.map(tensorSpec)),
        outputs: JSON.stringify(signature.outputs.map(tensorSpec)),
        params: null,
      },
    }),
    utc_time_created: isoInstant(createdAt).replace('T', ' ').replace('Z', ''),
  }
  const conda = {
    channels: ['conda-forge'],
    dependencies: [`python=${pythonVersion}`, 'pip', { pip: requirements }],
    name: 'mlflow-env',
  }
  return {
    [mlmodelName]: stringify(description),
    'conda.yaml': stringify(conda),
    'python_env.yaml': stringify({
      python: pythonVersion,
      build_dependencies: ['pip'],
      dependencies: ['-r requirements.txt'],
    }),
    'requirements.txt': `${requirements.join('\n')}\n`,
  }
}

/** numpy's names for the element types of ONNX Runtime. */
const numpyType: Readonly<Record<string, string>> = {
  FP64: 'float64',
  FP32: 'float32',
  FP16: 'float16',
  BOOL: 'bool',
  BYTES: 'object',
}

const tensorSpec = ({ name, datatype, shape }: Tensor): object => ({
  name,
  type: 'tensor',
  'tensor-spec': { dtype: numpyType[datatype] ?? datatype.toLowerCase(), shape },
})
