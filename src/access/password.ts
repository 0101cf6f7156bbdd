import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { TrainyardError } from '#kernel/error.ts'

/** Passwords are kept as `scrypt$<log2 N>$<r>$<p>$<salt>$<key>` [RFC 7914], in base64url. */

interface Cost {
  readonly log2N: number
  readonly r: number
  readonly p: number
}
/** 32 MiB and about 80 ms. */
const cost: Cost = { log2N: 15, r: 8, p: 1 }
const keyBytes = 32

/** As many at a time, the rest waits; more than that is an attack, and is told so. */
const parallel = 2
const waitingMax = 32

const derive = (password: string, salt: Buffer, { log2N, r, p }: Cost): Promise<Buffer> =>
  limited(
    () =>
      new Promise((resolve, reject) => {
        const N = 2 ** log2N
        scrypt(password.normalize('NFKC'), salt, keyBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
          error ? reject(error) : resolve(key),
        )
      }),
  )

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, cost)
  return ['scrypt', cost.log2N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Takes as long when there is no hash to compare with: whether a user exists is not to be timed. */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, log2N, r, p, salt = '', key = ''] = (hash ?? decoy).split('$')
  const found = await derive(password, Buffer.from(salt, 'base64url'), {
    log2N: Number(log2N),
    r: Number(r),
    p: Number(p),
  })
  const expected = Buffer.from(key, 'base64url')
  return hash !== undefined && found.length === expected.length && timingSafeEqual(found, expected)
}

const decoy = ['scrypt', cost.log2N, cost.r, cost.p, 'AAAAAAAAAAAAAAAAAAAAAA', ''].join('$')

const processKey = randomBytes(32)

/** Names a pair of user and password within this process, and tells nothing about it. */
export const fingerprintOf = (user: string, password: string): string =>
  createHmac('sha256', processKey).update(`${user}\0${password}`).digest('base64url')

let running = 0
const waiting: (() => void)[] = []

async function limited<Value>(work: () => Promise<Value>): Promise<Value> {
  if (running >= parallel) {
    if (waiting.length >= waitingMax)
      throw new TrainyardError('unavailable', 'Too many passwords are being checked. Try again in a second.')
    // Who is woken takes over the place of the one that leaves.
    await new Promise<void>(resolve => void waiting.push(resolve))
  } else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}
