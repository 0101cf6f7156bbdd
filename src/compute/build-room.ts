import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Isolation } from './isolation.ts'

/** What builders run in: packages bring code of their own, which runs while they are built. */
export interface BuildRoom {
  /** The whole environment of a builder. */
  readonly env: Readonly<Record<string, string>>
  /** The command as it is to be started. */
  wrap(command: readonly string[]): readonly string[]
  /** Removes what builders needed only while they ran. */
  clear(): Promise<void>
}

export interface BuildRoomDeps {
  /** The platform's own environment, of which builders get what concerns registries, proxies and certificates. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What keeps builders from the machine; nothing when left out. */
  readonly isolation?: Pick<Isolation, 'builder'>
}

/**
 * Isolated, a builder sees of the platform the folder alone that it fills. Its caches are its own then: in one that it
 * shares it could leave something for whoever builds next.
 */
export async function buildRoom({ env, isolation }: BuildRoomDeps, folder: string): Promise<BuildRoom> {
  const wrap = await isolation?.builder(folder)
  const given = builderEnv(env)
  if (!wrap) return { env: given, wrap: command => command, clear: async () => {} }
  const scratch = join(folder, '.scratch')
  const [temporary, cache] = [join(scratch, 'tmp'), join(scratch, 'cache')]
  await mkdir(temporary, { recursive: true })
  const caches = { XDG_CACHE_HOME: cache, PIP_CACHE_DIR: cache, UV_CACHE_DIR: cache, npm_config_cache: cache }
  return {
    env: { ...given, ...caches, TMPDIR: temporary },
    wrap,
    clear: () => rm(scratch, { recursive: true, force: true }),
  }
}

const passedOn =
  /^(?:PATH|HOME|LANG|npm_config_.*|PIP_.*|PYENV_.*|SSL_.*|UV_(?:.*INDEX.*|FIND_LINKS|INSECURE_HOST|KEYRING_PROVIDER|CACHE_DIR|CONFIG_FILE|HTTP_TIMEOUT)|RATTLER_AUTH_FILE|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?:https?|no|all)_proxy)$/i
/** Said by an npm that runs the platform about the platform's own folder. */
const ofThisPackage = /^npm_config_(?:local_prefix|prefix)$/i

/** What of the platform's own environment builders get. */
function builderEnv(env: BuildRoomDeps['env']): Record<string, string> {
  const entries = Object.entries(env).filter(
    ([name, value]) => value !== undefined && passedOn.test(name) && !ofThisPackage.test(name),
  )
  return Object.fromEntries(entries) as Record<string, string>
}
