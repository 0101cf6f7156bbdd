import type { z } from 'zod'
import { conflict } from '#kernel/error.ts'
import type { FileScan } from './model-scan.ts'
import type { ScanWire } from './wire.ts'

/** What the files of a version would do when they are loaded, found by reading them. */
export type Scan = z.output<typeof ScanWire>

/** The worst that was found in any file. */
export function scanVerdict(files: readonly FileScan[]): Scan['verdict'] {
  const severities = new Set(files.flatMap(({ findings }) => findings.map(({ severity }) => severity)))
  return severities.has('danger') ? 'danger' : severities.has('suspicious') ? 'suspicious' : 'clean'
}

/** Throws `conflict`, naming the worst findings, when a version's files are dangerous. */
export function requireHarmless(name: string, { verdict, files }: Scan): void {
  if (verdict !== 'danger') return
  const dangers = files.flatMap(({ path, findings }) =>
    findings.filter(({ severity }) => severity === 'danger').map(({ what }) => `${path} ${what}`),
  )
  const shown = dangers.slice(0, 5).join('; ')
  throw conflict(`${name} cannot go to production: loading it runs code of its own. ${shown}.`, { dangers })
}
