import { answerRequests } from '#storage/child-worker.ts'
import { scanFile } from './model-scan.ts'
import type { ScanRequest } from './scanner.ts'

/** The child process of {@link createScanner}: reading opcodes blocks, and what is read is a stranger's. */
answerRequests<ScanRequest>(async ({ path, file }) => scanFile(path, file))
