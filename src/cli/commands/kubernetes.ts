import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { verb, type Verb } from '../command.ts'

interface ClusterExport {
  readonly files: readonly { readonly path: string; readonly text: string }[]
  readonly blobs: readonly { readonly path: string; readonly bundle: string; readonly digest: string }[]
  readonly notes: readonly string[]
}

/** `export kubernetes <deployment>`. */
export const kubernetesVerb: Verb = verb(
  'kubernetes <deployment>',
  'Write a deployment as a container image and what Kubernetes, or KServe, is told of it.',
  command =>
    command
      .requiredOption('--image <name>', 'what the image is pushed as, such as registry.example.com/rain:3')
      .option('--to <folder>', 'where it is written; <deployment>-kubernetes when left out')
      .option('--namespace <name>', 'in the cluster', 'default')
      .option('--replicas-min <pods>', 'the fewest pods', Number, 2)
      .option('--replicas-max <pods>', 'the most pods', Number, 10)
      .option('--cores <number>', 'that a pod asks for', Number, 1)
      .option('--memory-mb <number>', 'that a pod may use, in MiB', Number, 1_024)
      .option('--online <address>', 'of the online store, as the pods reach it')
      .option(
        '--log-to <address>',
        "of this platform's model server, as the pods reach it: their predictions are told there",
      )
      .option('--kserve', 'an InferenceService in place of Deployment, Service and autoscaler'),
  async ({ client, output, folder }, { to, json: _, server: __, ...wish }, [deployment]) => {
    const path = `/api/v1/deployments/${encodeURIComponent(deployment!)}`
    const exported = await client.send<ClusterExport>('POST', `${path}/cluster`, wish)
    const target = resolve(folder, (to as string | undefined) ?? `${deployment}-kubernetes`)
    for (const file of exported.files) await write(join(target, file.path), file.text)
    for (const { path: place, bundle, digest } of exported.blobs)
      await write(join(target, place), await client.download(`${path}/bundles/${bundle}/${digest}`))
    output.result({ folder: target, ...exported }, () => [
      `Everything is in ${target}. In it:`,
      `  docker build -f image/Containerfile -t ${String(wish['image'])} image && docker push ${String(wish['image'])}`,
      '  kubectl apply -f cluster',
      ...exported.notes,
    ])
  },
)

async function write(path: string, content: string | ReadableStream<Uint8Array>): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  // Settings of the server may hold the password of a store.
  const isSecret = path.endsWith('secret.yaml')
  await writeFile(path, typeof content === 'string' ? content : Readable.fromWeb(content as never), {
    mode: isSecret ? 0o600 : 0o644,
  })
}
