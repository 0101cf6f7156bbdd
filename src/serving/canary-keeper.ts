import type { z } from 'zod'
import { canariesFile, type CanariesFile, type WatchedCanary } from './canaries-file.ts'
import { guardedCanary, type DescribeParts } from './describe.ts'
import { toldFile } from './told-file.ts'

/** Keeps the file that says what canaries have shown. */
export interface CanaryKeeper {
  /** Looks at these deployments, and at those whose canaries are known, as something was answered or has changed. */
  refresh(deployments: Iterable<string>): Promise<void>
}

export function createCanaryKeeper(parts: DescribeParts & { readonly folder: string }): CanaryKeeper {
  // Whoever reads it looks when somebody asks: nobody is told.
  const write = toldFile(canariesFile(parts.folder), { tell: () => {} })
  const known = new Map<string, WatchedCanary>()
  return {
    async refresh(deployments) {
      for (const name of new Set([...deployments, ...known.keys()])) {
        const row = await parts.store.deployment(name)
        const canary = row && (await guardedCanary(parts, row))
        if (canary) known.set(name, watched(name, canary))
        else known.delete(name)
      }
      await write({ canaries: [...known.values()] } satisfies z.input<typeof CanariesFile>)
    },
  }
}

const watched = (
  deployment: string,
  { revision, verdict, evidence, slowEvidence, burn }: Omit<WatchedCanary, 'deployment'>,
): WatchedCanary => ({ deployment, revision, verdict, evidence, slowEvidence, burn })
