import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { get, post, query } from './http.ts'
import type * as Wire from './wire.ts'

/** What pages read of channels and messages. */

const at = (project: string): string => `/projects/${project}/notifications`
const pageLimit = 50
const whileWaitingMs = 2_000

export const channelsOf = (project: string) =>
  queryOptions({
    queryKey: ['notification-channels', project],
    queryFn: ({ signal }) => get<Wire.Items<Wire.Channel>>(`${at(project)}/channels`, signal),
  })

/** What becomes of a message is no event: while one waits, it is asked for. */
export const notificationsOf = (
  project: string,
  filter: { channel?: string | undefined; state?: string | undefined },
) =>
  infiniteQueryOptions({
    queryKey: ['notifications', project, filter],
    queryFn: ({ pageParam, signal }) =>
      get<Wire.Items<Wire.Notification>>(
        `${at(project)}${query({ ...filter, limit: pageLimit, after: pageParam })}`,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: last => last.next,
    refetchInterval: ({ state: { data } }) =>
      data?.pages[0]?.items.some(({ state }) => state === 'waiting') ? whileWaitingMs : false,
  })

export const testChannel = (project: string, channel: string) =>
  post<Wire.TestAnswer>(`${at(project)}/channels/${encodeURIComponent(channel)}/test`)
export const resendNotification = (project: string, id: string) =>
  post<Wire.Notification>(`${at(project)}/${encodeURIComponent(id)}/resend`)
