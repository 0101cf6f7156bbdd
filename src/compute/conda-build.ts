import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { besideCode } from '#kernel/place.ts'
import type { Step } from './build-step.ts'

type Variables = Readonly<Record<string, string>>

interface CondaBuild {
  readonly python: string
  readonly folder: string
  readonly lock: string
  readonly env: Variables
  readonly step: Step
}

/** What installs the packages of conda: a library, so that no conda has to be there. */
const library = 'py-rattler==0.28.0'
/** SHA-256 of its wheels. */
const hashes = [
  '1c566fb1b0fc3d0d892b7ba021d6863aaff1f476c245178a07f560729aa7ecdb',
  '31c6770fc2294855488532b015bc051ac3e785c30c46ddea29ea82f6b7b55876',
  '4f4ab1d34d5394e7ce130a86e59009c95ace4f5757d9c3af04de1351bcea47eb',
  '595e415bc27f01bd95cc3c03138c0dc4087d57d8db2e80c72ca0063ee66c01b8',
  '6108ea83ba3d2a2637afa45cf655d0b3ae0a4ab1106dde84de2da8c08b1e16df',
  '61b24202374188e72130f1b3dc63b455befaafc3e49e5481a38b6a6c8828c1e0',
  '6218478af88d45ac1e08e605ede4f67bbe4ffbbbb40b5e32622a4746f98fe331',
  '6a0312ba34d4e709fe5f20df6de617b9a4cd1e9293f2c8eaad2fb9c699a26746',
  '81cef9b72c334c54442135badfedaf2db18622c37fe18d0261a52ee4a54c0fd4',
  '84aef2aca9df0f8e0b0c635b2ff32c8568ac41e612f6f192fde12b99e48397cd',
  'acf5761d639b9a5b0cda990fdf131ae5e97d09f29fab4a144c32285c77275892',
  'bc18e46ed1b7bd72aa3ce48e0cc6582f48d540f956a96e4d6c63edd7373b746b',
  'be4b243c1ae8b8009b0d265de8432e59b057639dd48cce2d0f7a445e9f4d271d',
  'd25e3eb18127571757f5d9ad7ccd2c2c24aaac5575b28a9cab6463997357a4eb',
  'd26db63e41e6efaff75c3d89040b2c78b4887be8e782dff281fb426835308b2b',
  'd707bffcf2cf9a0593fb6fb753f3df0c4a9eb2990e61d1748016a32e54a7028d',
  'd990d0bd3d2259332d26b96848b522dfc67b0e308a3dce565d08de79b56e531b',
  'f08d164065b8b6b7053006b8459af5602f89494b57d4b7404e6281cef2cbb18a',
]

export const condaInstaller = library.replace('==', ' ')

const program = fileURLToPath(besideCode('compute/conda/install.py'))
/** In the folder of an environment. */
const [installer, prefix, activation] = ['installer', 'conda', 'activation.json']
const requirements = 'installer.lock'

/** The packages of a lock file of conda, each of which is fetched and has the hash that stands there. */
export async function buildConda({ python, folder, lock, env, step }: CondaBuild): Promise<void> {
  const own = join(installer, 'bin', 'python')
  await writeFile(join(folder, requirements), [library, ...hashes.map(hash => `--hash=sha256:${hash}`)].join(' '))
  await step([python, '-m', 'venv', installer], env)
  await step([own, '-m', 'pip', 'install', '--no-input', '--require-hashes', '-r', requirements], env)
  await step([own, program, lock, prefix], env)
  await rm(join(folder, installer), { recursive: true })
}

export const condaPath = (folder: string): readonly string[] => [join(folder, prefix, 'bin')]

/** What its packages want to be set while something runs in it. */
export async function condaVariables(folder: string): Promise<Variables> {
  return z.record(z.string(), z.string()).parse(JSON.parse(await readFile(join(folder, activation), 'utf8')))
}
