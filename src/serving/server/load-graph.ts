import type { BundleManifest } from '../bundle.ts'
import { createGraph, type GraphParts } from './graph.ts'
import type { LoadedModel } from './loaded-model.ts'
import { loadFunction, type RowsCode } from './serving-code.ts'

/** Makes a graph of its bundle: its code is loaded, its deployments are met when they are asked. */
export async function loadGraph(folder: string, manifest: BundleManifest, parts: GraphParts): Promise<LoadedModel> {
  const startedAt = performance.now()
  const { runtime, signature, model: name } = manifest
  if (runtime.kind !== 'graph') throw new TypeError(`The bundle of ${name} holds a model.`)
  const { nodes } = runtime
  const code = new Map<string, RowsCode>()
  for (const [node, spec] of Object.entries(nodes))
    if ('code' in spec)
      code.set(
        node,
        await loadFunction(folder, spec.code, spec.export).catch((error: Error) => {
          throw new Error(`Node ${node} of ${name}: ${error.message}`)
        }),
      )
  return {
    manifest,
    requested: undefined,
    batcher: createGraph({ name, ...signature, nodes, code }, parts),
    isStreaming: false,
    code: {},
    loadMs: performance.now() - startedAt,
    placement: () => undefined,
    memoryBytes: () => 0,
    release: async () => {},
  }
}
