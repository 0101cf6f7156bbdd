import type { TellSettings } from '../server-settings.ts'
import { openAccessLog } from './access-log.ts'
import type { Tell } from './visit.ts'

/** Tells of each request that is over. */
export interface Teller {
  readonly tell: Tell
  /** Resolves when all is told. */
  close(): Promise<void>
}

/**
 * Undefined when nobody wants to know: then a request costs nothing more.
 * @param isKept This process begins the access log anew when it has grown; of several, one does.
 */
export async function openTeller(
  { accessLog, otlpUrl, traceShare }: TellSettings,
  { file, version, isKept }: { file: string; version: string; isKept: boolean },
): Promise<Teller | undefined> {
  const log = accessLog === 'none' ? undefined : openAccessLog(accessLog === 'file' ? file : undefined, isKept)
  const tracing = otlpUrl === '' ? undefined : await startTracing({ url: otlpUrl, share: traceShare }, version)
  if (!log && !tracing) return undefined
  return {
    tell(visit) {
      const trace = tracing?.tell(visit)
      log?.tell(visit, trace)
    },
    async close() {
      await Promise.allSettled([log?.close(), tracing?.close()])
    },
  }
}

/** Its code is loaded only where there is a collector. */
async function startTracing(settings: { url: string; share: number }, version: string) {
  const { openTracing } = await import('./tracing.ts')
  return openTracing(settings, version)
}
