import { keepPreviousData, useQuery, type QueryKey } from '@tanstack/react-query'
import { LogView } from '../ui/log.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Log } from '../wire.ts'

const pollMs = 1_000
const pagesMax = 40

interface GrowingLogProps {
  /** Names the log among all that is read. */
  readonly of: QueryKey
  /** What stands in it from this byte on. */
  readonly read: (offset: number, signal: AbortSignal) => Promise<Log>
}

/** A log so far: each asking goes on where the one before ended, until it has ended and all is read. */
export function GrowingLog({ of, read }: GrowingLogProps) {
  const { data, error } = useQuery({
    queryKey: of,
    queryFn: async ({ client, queryKey, signal }) => {
      let log = client.getQueryData<Log>(queryKey) ?? { text: '', next: 0, end: false }
      for (let page = 0; page < pagesMax && !log.end; page++) {
        const more = await read(log.next, signal)
        log = { text: log.text + more.text, next: more.next, end: more.end }
        if (more.text === '') break
      }
      return log
    },
    refetchInterval: query => (query.state.data?.end ? false : pollMs),
    placeholderData: keepPreviousData,
    staleTime: 0,
  })
  if (error) return <Trouble error={error} />
  return <LogView text={data?.text ?? ''} isRunning={!data?.end} />
}
