import { readFileSync } from 'node:fs'
import { packageRoot } from '#kernel/place.ts'

/** Of the package: one number for server, pages and commands. */
export const version: string = JSON.parse(readFileSync(new URL('package.json', packageRoot), 'utf8')).version
