import { z } from 'zod'
import type { App } from '#http'

/** `GET /api/v1/health`: answers as soon as requests are taken, to everyone. */
export function healthRoutes(app: App, { version }: { version: string }): void {
  app.get(
    '/api/v1/health',
    {
      config: { role: 'none' },
      schema: {
        summary: 'Whether the server takes requests',
        tags: ['health'],
        response: { 200: z.object({ status: z.literal('ok'), version: z.string() }) },
      },
    },
    async () => ({ status: 'ok' as const, version }),
  )
}
