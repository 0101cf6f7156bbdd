import type { Millis } from '#kernel/clock.ts'
import { invalid, type Problem } from '#kernel/error.ts'
import type { Level, ThingKind } from './permission.ts'
import type { Role } from './role.ts'
import { isTokenSecret } from './token.ts'

/** A person or a program that has a name here. */
export interface User {
  readonly name: string
  /** MLflow's clients know users by number. */
  readonly number: number
  /** Their role in every project; `admin` manages users and tokens too. Absent: only what projects give. */
  readonly role?: Role
  readonly hasPassword: boolean
  readonly createdAt: Millis
}

export interface Membership {
  readonly user: string
  readonly project: string
  readonly role: Role
}

/** What a user may do to one thing, apart from their role in its project. */
export interface Grant {
  readonly user: string
  readonly project: string
  readonly kind: ThingKind
  /** As in `Resource`. */
  readonly id: string
  readonly level: Level
}

/** Names under which the platform itself acts. */
const reserved = new Set(['local', 'trainyard', 'anonymous'])
/** Basic authentication ends the name at the colon [RFC 7617, section 2]. */
const namePattern = /^[^\s:\p{C}](?:[^:\p{C}]{0,98}[^\s:\p{C}])?$/u

/** Throws `invalid`. */
export function checkUserName(name: string): void {
  if (!namePattern.test(name) || reserved.has(name))
    throw refuse({
      field: 'name',
      value: name,
      allowed: `1 to 100 characters without a colon, and none of ${[...reserved].join(', ')}`,
    })
}

const passwordMin = 8
const passwordMax = 1024

/** Throws `invalid`, without repeating the password. */
export function checkPassword(password: string): void {
  if (password.length < passwordMin || password.length > passwordMax || isTokenSecret(password))
    throw refuse({
      field: 'password',
      allowed: `${passwordMin} to ${passwordMax} characters that do not look like a token`,
    })
}

const refuse = (problem: Problem): Error => invalid('This is no user.', [problem])
