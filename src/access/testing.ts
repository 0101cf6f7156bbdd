import type { TestContext } from 'node:test'
import { createApp, type App } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { testEngines } from '#storage/testing.ts'
import { createAccess, type Access } from './access.ts'
import { guard } from './guard.ts'
import { accessRoutes } from './routes.ts'
import { sqlTokenStore } from './store.sql.ts'
import { accessMigrations } from './tables.ts'
import { sqlUserStore } from './user-store.sql.ts'

export interface Bench {
  readonly app: App
  readonly access: Access
  readonly clock: ReturnType<typeof manualClock>
}

/** A server with the routes of access, and some that tell what the guard made of a request. */
export async function openBench(t: TestContext, host = '0.0.0.0'): Promise<Bench> {
  const db = await testEngines().at(-1)!.open(t, accessMigrations)
  const clock = manualClock(1_000)
  const access = createAccess({ tokens: sqlTokenStore(db), users: sqlUserStore(db), clock })
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  guard(app, { access, host, isProject: async name => name === 'rain' })
  accessRoutes(app, access)
  const known = { config: { role: 'viewer', project: 'caller' } } as const
  app.get('/who', known, async ({ actor, workspace, readable }) => ({ actor, workspace, readable }))
  app.get('/projects/:project', async ({ actor }) => ({ actor }))
  app.post('/projects/:project', async ({ actor }) => ({ actor }))
  app.get('/platform', { config: { project: 'platform' } }, async () => ({}))
  app.get(
    '/things/:id',
    { config: { project: ({ params }) => (params as { id: string }).id.split('_')[0] } },
    async () => ({}),
  )
  app.post('/may', known, async request => {
    const { permission, ...resource } = request.body as never as { permission: 'read'; project: string }
    await request.permit(permission, resource)
    return { read: await request.mayRead(resource) }
  })
  app.post('/own', known, async request => {
    await request.own(request.body as never)
    return {}
  })
  return { app, access, clock }
}

export const bearer = (secret: string): { authorization: string } => ({ authorization: `Bearer ${secret}` })

export const basic = (name: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})
