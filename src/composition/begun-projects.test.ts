import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '#http'
import { beginWithImports, begunProjects } from './begun-projects.ts'

test('projects with a repository and no project file have begun, on whatever page they are', async () => {
  const pages = [{ items: ['rain', 'vision'], next: 'rep_2' }, { items: ['fs', 'snow'] }]
  const begun = await begunProjects({
    repositories: { projects: async ({ after }) => pages[after === 'rep_2' ? 1 : 0]! },
    projects: {
      list: async (_, names) => ({
        items: ['rain', 'snow'].filter(name => names?.includes(name)).map(name => ({ name }) as never),
      }),
    },
  })

  assert.deepEqual(begun, ['vision', 'fs'])
})

test('a project begins with what is first brought into it, once, and nothing else begins one', async t => {
  const there = new Set(['rain'])
  const made: string[] = []
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  const repositories = {
    has: async (project: string) => there.has(project),
    async create(project: string) {
      there.add(project)
      made.push(project)
      return {} as never
    },
  }
  beginWithImports(app, { repositories })
  const answer = async () => ({})
  app.put('/api/v1/projects/:project/imports/experiments', answer)
  app.get('/api/v1/projects/:project/imports/runs/:id/files', answer)
  app.put('/api/v1/projects/:project', answer)

  for (const project of ['vision', 'rain', 'default', 'vision'])
    await app.inject({ method: 'PUT', url: `/api/v1/projects/${project}/imports/experiments`, payload: {} })
  await app.inject({ method: 'GET', url: '/api/v1/projects/snow/imports/runs/1/files' })
  await app.inject({ method: 'PUT', url: '/api/v1/projects/snow', payload: {} })

  assert.deepEqual(made, ['vision'])
})
