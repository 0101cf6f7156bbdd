import { z } from 'zod'
import { durationPattern } from '#kernel/duration.ts'

/** Atoms of the project file. */

export const text = z.string().min(1).max(2_000)
export const path = z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]{1,400}$/, 'a path inside the repository')
export const duration = z.string().regex(durationPattern, 'a duration such as 90s, 10m, 1.5h or 30d')
export const column = z.string().min(1).max(128)
export const paramName = z.string().regex(/^[A-Za-z]\w{0,62}$/, 'a letter, then letters, digits and _')
/** Of columns of requests. */
export const datatype = z.enum(['FP64', 'FP32', 'INT64', 'INT32', 'BOOL', 'BYTES'])
export const Scalar = z.union([z.string().max(4_000), z.number(), z.boolean()])
