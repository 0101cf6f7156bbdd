import { urlForOthers } from '#http'
import type { Surroundings } from './surroundings.ts'

type Where = Pick<Surroundings, 'config' | 'baseUrl'>

/** Where people see the pages and clone code. */
export const peopleUrl =
  ({ config, baseUrl }: Where): (() => string) =>
  () =>
    (config.publicUrl || urlForOthers(baseUrl(), config.host)).replace(/\/$/, '')

/** Where other machines that run tasks reach this server. */
export const nodeUrl =
  ({ config, baseUrl }: Where): (() => string) =>
  () =>
    config.nodeUrl || urlForOthers(baseUrl(), config.host)
