import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { contained, containerEngine } from './container.ts'
import { folderAt } from './work-folder.ts'

const image = `train@sha256:${'a'.repeat(64)}`
const folder = folderAt('/work/att_1', { inputs: {}, spec: { outputs: [] } })
const names = ['PATH', 'HOME', 'CUDA_VISIBLE_DEVICES', 'TRAINYARD_ATTEMPT', 'TRAINYARD_SEED', 'TOKEN']

test('a command runs in its image with its folder, its variables by name, its limits and its GPUs', () => {
  const attempt = { id: 'att_1', image, devices: ['0', 'GPU-8a'] }
  const limits = { memoryBytes: 1_000, processes: 5, cpus: 1.5 }
  const inside = (engine: 'podman' | 'docker', uid: number) =>
    contained(attempt, ['/bin/sh', '-c', 'a b'], { engine, folder, names, limits, user: { uid, gid: 7 } }).join(' ')
  const start = 'run --rm --init --name att_1 --network host --entrypoint '
  const work =
    '--volume /work/att_1:/work/att_1:rw --volume /work/att_1/inputs:/work/att_1/inputs:ro --workdir /work/att_1/code'
  const rest =
    '--env TRAINYARD_SEED --env TOKEN --env HOME=/work/att_1 --env TRAINYARD_ATTEMPT=att_1 --memory 1000b --pids-limit 5 --cpus 1.5'
  const cdi = '--device nvidia.com/gpu=0 --device nvidia.com/gpu=GPU-8a'

  assert.deepEqual(
    [inside('podman', 0), inside('podman', 5), inside('docker', 5)],
    [
      `podman ${start} ${work} ${rest} ${cdi} ${image} /bin/sh -c a b`,
      `podman ${start} ${work} --userns keep-id ${rest} ${cdi} ${image} /bin/sh -c a b`,
      `docker ${start} ${work} --user 5:7 ${rest} --gpus "device=0,GPU-8a" ${image} /bin/sh -c a b`,
    ],
  )
})

test('the engine is podman where there is one, else docker, else none', async t => {
  const path = await mkdtemp(join(tmpdir(), 'trainyard-engines-'))
  t.after(() => rm(path, { recursive: true }))
  const found = [containerEngine(path), containerEngine('')]
  for (const name of ['docker', 'podman']) {
    await writeFile(join(path, name), '')
    found.push(containerEngine(`/nowhere:${path}`))
    await chmod(join(path, name), 0o755)
    found.push(containerEngine(`/nowhere:${path}`))
  }

  assert.deepEqual(found, [undefined, undefined, undefined, 'docker', 'docker', 'podman'])
})
