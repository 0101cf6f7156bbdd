import { enableCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'

// Before anything else is loaded. The second start of a process, and of the processes that it starts, reads compiled
// code; and the young generation stays as small as it begins: 40 MiB less are resident (benchmarks/startup.ts).
const { directory } = enableCompileCache()
// oxlint-disable-next-line node/no-process-env -- what child processes inherit
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory
setFlagsFromString('--semi-space-growth-factor=1')
await import('./run-process.ts')
