import { execFileSync } from 'node:child_process'
import { makeBundle } from './bundle.ts'

/** Makes the package that is published, `npm publish ./dist`: what runs, and the types of what projects import. */
await makeBundle()
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
