import assert from 'node:assert/strict'
import { test } from 'node:test'
import { begunProjects } from './begun-projects.ts'

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
