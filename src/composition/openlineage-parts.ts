import { createOpenLineageIntake, sqlOpenLineageStore } from '#metadata'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'
import { createOpenLineageFeed, sendOpenLineage } from './openlineage.ts'

/** OpenLineage both ways: what others tell, and what is told to them where the settings say. */
export function composeOpenLineage(
  { config, db, warn }: Surroundings,
  { ledger, outbox, workflow }: Pick<Composition, 'ledger' | 'outbox' | 'workflow'>,
): Composition['openLineage'] {
  const intake = createOpenLineageIntake({ db, ledger, store: sqlOpenLineageStore(db) })
  const feed = createOpenLineageFeed({ ledger, outbox, workflow })
  const url = config.openlineageUrl
  const stop = url === '' ? () => {} : sendOpenLineage({ outbox, feed, url, warn })
  return { intake, feed, stop }
}
