import { queryOptions } from '@tanstack/react-query'
import { get } from './http.ts'
import type * as Wire from './wire.ts'

/** What pages read of searches for hyperparameters, as api.ts does for the rest. */

const at = (project: string): string => `/projects/${project}/studies`
const trialsPerPage = 1_000
/** A page shows so many trials: the newest of a longer study are reached by the API. */
const trialsMax = 10_000

export const studiesOf = (project: string) =>
  queryOptions({
    queryKey: ['studies', project],
    queryFn: ({ signal }) => get<Wire.Items<Wire.Study>>(`${at(project)}?limit=200`, signal),
  })

export const studyOf = (project: string, name: string) =>
  queryOptions({
    queryKey: ['study', project, name],
    queryFn: ({ signal }) => get<Wire.Study>(`${at(project)}/${name}`, signal),
  })

/** All of them, a page after the other, by number. */
export const trialsOf = (project: string, name: string) =>
  queryOptions({
    queryKey: ['trials', project, name],
    async queryFn({ signal }) {
      const items: Wire.Trial[] = []
      let after: string | undefined
      do {
        const more = after === undefined ? '' : `&after=${after}`
        const path = `${at(project)}/${name}/trials?limit=${trialsPerPage}${more}`
        const page = await get<Wire.Items<Wire.Trial>>(path, signal)
        items.push(...page.items)
        after = page.next
      } while (after !== undefined && items.length < trialsMax)
      return items
    },
  })

/** `ended`: asked again when so many trials have ended. */
export const importanceOf = (project: string, name: string, ended: number) =>
  queryOptions({
    queryKey: ['importance', project, name, Math.floor(ended / 10)],
    queryFn: ({ signal }) => get<Wire.Importance>(`${at(project)}/${name}/importance`, signal),
  })

export const reportsOf = (project: string, name: string) =>
  queryOptions({
    queryKey: ['reports', project, name],
    queryFn: ({ signal }) => get<Wire.Items<Wire.TrialReport>>(`${at(project)}/${name}/reports?trials=50`, signal),
  })
