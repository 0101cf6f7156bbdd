import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { invalid } from '#kernel/error.ts'
import { keyBytes, type SealingKey } from './sealed.ts'

/** The keys that data keys are wrapped with: the first wraps, all of them open. */
export type MasterKeys = readonly [SealingKey, ...SealingKey[]]

/** Where master keys come from. */
export interface MasterKeySource {
  read(): Promise<MasterKeys>
  /** Puts a new key before the others. Absent where keys are somebody else's to make. */
  readonly add?: () => Promise<void>
  /** Forgets all but the first. */
  readonly dropFormer?: () => Promise<void>
}

/**
 * Keys of a setting: 32 bytes in base64, several divided by commas; or `file:<path>` of such a text. Empty: a file in the
 * data folder, made when it is first asked for, one key in each line.
 */
export function masterKeySource(setting: string, ownFile: string): MasterKeySource {
  if (setting === '') return ownKeys(ownFile)
  const path = setting.startsWith('file:') ? setting.slice('file:'.length) : undefined
  return { read: async () => parseKeys(path === undefined ? setting : await readPrivate(path)) }
}

function ownKeys(path: string): MasterKeySource {
  const read = async (): Promise<string> => {
    const found = await readPrivate(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    return found ?? make(path)
  }
  return {
    read: async () => parseKeys(await read()),
    add: async () => replace(path, `${newKey()}\n${await read()}`),
    dropFormer: async () => replace(path, `${(await read()).split('\n')[0]!}\n`),
  }
}

const newKey = (): string => randomBytes(keyBytes).toString('base64')

/** Of two processes that begin at once, the first one's key is taken. */
async function make(path: string): Promise<string> {
  const text = `${newKey()}\n`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return writeFile(path, text, { mode: 0o600, flag: 'wx', flush: true }).then(
    () => text,
    () => readFile(path, 'utf8'),
  )
}

async function replace(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomUUID()}`
  await writeFile(beside, text, { mode: 0o600, flag: 'wx', flush: true })
  await rename(beside, path)
}

async function readPrivate(path: string): Promise<string> {
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0)
    throw invalid('The master key is open to others.', [
      { field: path, value: `mode ${(mode & 0o777).toString(8)}`, allowed: 'a file of mode 600: chmod 600' },
    ])
  return readFile(path, 'utf8')
}

/** What is wrong is not shown: most of it may be right. */
function parseKeys(text: string): MasterKeys {
  const keys = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(each => Buffer.from(each, 'base64'))
  const [first, ...former] = keys.map(bytes => ({ id: fingerprint(bytes), bytes }))
  if (first && keys.every(bytes => bytes.length === keyBytes)) return [first, ...former]
  throw invalid('The master key cannot be read.', [
    { field: 'masterKey', allowed: `${keyBytes} bytes in base64, as \`openssl rand -base64 ${keyBytes}\` prints them` },
  ])
}

const fingerprint = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16)
