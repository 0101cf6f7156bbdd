import { writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { moduleAt } from '#kernel/place.ts'
import { silentOnnx } from '#kernel/silent-onnx.ts'
import { libraryHook } from '#project'
import { notYetCode, type Attempt } from '#workflow'
import type { Environment } from './environment.ts'
import type { FunctionCall } from './function-main.ts'
import type { WorkFolder } from './work-folder.ts'

/** The variable by which the processes of an attempt are found, whatever group or parent they have. */
export const markName = 'TRAINYARD_ATTEMPT'

/** Program and arguments of a command, or of a function. */
export async function commandOf({ spec, params }: Attempt, folder: WorkFolder): Promise<readonly string[]> {
  if (spec.run !== undefined) return ['/bin/sh', '-c', spec.run]
  const [module = '', name = ''] = spec.function!.split('#')
  const call: FunctionCall = {
    module: join(folder.code, module),
    name,
    inputs: folder.inputs,
    outputs: folder.outputs,
    params,
    metrics: folder.metrics,
    ifFalse: spec.poll ? notYetCode : 0,
  }
  const path = join(folder.root, 'call.json')
  await writeFile(path, JSON.stringify(call))
  return [process.execPath, '--import', libraryHook, functionMain, path]
}

const functionMain = fileURLToPath(moduleAt('compute/function-main'))

/** All that the process inherits: the environment's programs first, then the platform's Node, then what the machine has. */
export function variablesOf(
  path = '/usr/local/bin:/usr/bin:/bin',
  { attempt, folder, environments }: { attempt: Attempt; folder: WorkFolder; environments: readonly Environment[] },
): Record<string, string> {
  const named = (kind: string, values: Readonly<Record<string, unknown>>): [string, string][] =>
    Object.entries(values).map(([name, value]) => [
      `TRAINYARD_${kind}_${name.toUpperCase().replaceAll('-', '_')}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
  return {
    ...Object.assign({}, ...environments.map(({ variables }) => variables)),
    ...attempt.secrets.variables,
    PATH: [...environments.flatMap(environment => environment.path), dirname(process.execPath), path].join(delimiter),
    HOME: folder.root,
    TMPDIR: folder.temporary,
    ...Object.fromEntries([...named('INPUT', folder.inputs), ...named('OUTPUT', folder.outputs)]),
    TRAINYARD_METRICS: folder.metrics,
    ...(attempt.spec.checkpoint && { TRAINYARD_CHECKPOINT: folder.checkpoint }),
    ...saidOf(attempt),
    // Empty hides them all: who asked for no GPU does not take of others'.
    ...(attempt.devices && { CUDA_VISIBLE_DEVICES: attempt.devices.join(',') }),
  }
}

/** What a task is told wherever it runs. */
export function saidOf(attempt: Attempt): Record<string, string> {
  return {
    ...silentOnnx,
    ...attempt.secrets.variables,
    LANG: 'C.UTF-8',
    // Python otherwise keeps its output back until it ends.
    PYTHONUNBUFFERED: '1',
    ...Object.fromEntries(named('PARAM', attempt.params)),
    TRAINYARD_RUN: attempt.run.id,
    TRAINYARD_TASK: attempt.task,
    TRAINYARD_KEY: attempt.key,
    TRAINYARD_SEED: String(attempt.seed),
    [markName]: attempt.id,
  }
}

const named = (kind: string, values: Readonly<Record<string, unknown>>): [string, string][] =>
  Object.entries(values).map(([name, value]) => [
    `TRAINYARD_${kind}_${name.toUpperCase().replaceAll('-', '_')}`,
    String(value),
  ])
