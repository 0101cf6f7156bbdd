import type { Clock } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { createAttempts } from './attempts.ts'
import { fingerprintOf, isPassword } from './password.ts'
import { createRemembered } from './remembered.ts'
import type { Account, UserStore } from './store.ts'

/** The account behind a name and a password. Throws `unauthorized`, or `rate_limited` after too many guesses. */
export type SignIn = (name: string, password: string, address: string) => Promise<Account>

/** A password that was right is not derived again for so long, unless it was changed. */
const keepMs = 5 * 60_000

export function createSignIn({ users, clock, size }: { users: UserStore; clock: Clock; size: number }): SignIn {
  const right = createRemembered<string>({ clock, keepMs, size })
  const attempts = createAttempts(clock)

  return async (name, password, address) => {
    const account = await users.account(name)
    const mark = fingerprintOf(name, password)
    const guesser = JSON.stringify([name, address])
    const verify = async (): Promise<string> => {
      attempts.check(guesser)
      if (!(await isPassword(password, account?.password))) {
        attempts.failed(guesser)
        throw new TrainyardError('unauthorized', 'The user is unknown or the password is wrong.')
      }
      attempts.succeeded(guesser)
      return account!.password!
    }
    // What was right for another hash says nothing about this one: the password was changed.
    if ((await right.get(mark, verify)) !== account?.password) {
      right.clear(mark)
      await right.get(mark, verify)
    }
    return account!
  }
}
