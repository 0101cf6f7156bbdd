import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { errorCatalogue, notFound } from '#kernel/error.ts'
import type { App } from './app.ts'

/** Nothing from elsewhere and nothing inline: a stored text that looks like a script stays a text. */
const policy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join('; ')

/** The pages from a folder of built files; any other path that a browser asks for is theirs to route. */
export async function pageRoutes(app: App, { folder }: { folder: string }): Promise<void> {
  app.addHook('onSend', async (_, reply) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'same-origin')
    if (!reply.hasHeader('content-security-policy')) void reply.header('content-security-policy', policy)
  })
  app.get('/errors/:code', { schema: { hide: true } as object }, async (request, reply) => {
    const { code } = request.params as { code: string }
    const meaning = (errorCatalogue as Readonly<Record<string, string>>)[code]
    if (meaning === undefined) throw notFound('error code', code)
    return reply.type('text/plain; charset=utf-8').send(`${code}\n\n${meaning}\n`)
  })
  if (!existsSync(join(folder, 'index.html'))) return
  // Only what has its digest in its name may be kept for ever.
  await app.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    index: false,
    maxAge: '1y',
    immutable: true,
  })
  const whole = { maxAge: 0, immutable: false }
  for (const name of ['theme.js', 'favicon.svg'])
    app.get(`/${name}`, { schema: { hide: true } as object }, async (_, reply) => reply.sendFile(name, folder, whole))
  app.get('/*', { schema: { hide: true } as object }, async (request, reply) => {
    // Below the root only a browser is shown a page: a probe of a path that is not there must not see a success.
    const path = request.url.split('?')[0]!
    const isPage = path === '/' || request.headers.accept?.includes('text/html')
    if (!isPage || path.startsWith('/api/')) throw notFound('path', path)
    return reply.sendFile('index.html', folder, whole)
  })
}
