import type { Db } from '#storage'
import { sqlExperimentFacts } from './experiment-facts.sql.ts'
import { sqlExperimentSearch } from './experiment-search.sql.ts'
import { sqlExperimentStore } from './experiment-store.sql.ts'
import { sqlHistoryStore } from './history-store.sql.ts'
import { sqlInputStore } from './input-store.sql.ts'
import { sqlLoggedModelStore } from './logged-model-store.sql.ts'
import type { LoggedModelStore } from './logged-model-store.ts'
import { sqlKeys } from './key-store.sql.ts'
import { sqlLogStore } from './log-store.sql.ts'
import { sqlRunDocuments } from './run-document.sql.ts'
import { sqlRunSearch } from './run-search.sql.ts'
import { sqlRunStore } from './run-store.sql.ts'
import type {
  ExperimentFacts,
  ExperimentSearch,
  ExperimentStore,
  HistoryStore,
  InputStore,
  LogStore,
  RunDocument,
  RunSearch,
  RunStore,
  SeriesStore,
} from './store.ts'

/** The stores of experiments and runs, which share the numbers of keys. */
export interface TrackingStores {
  readonly experiments: ExperimentStore
  readonly experimentFacts: ExperimentFacts
  readonly experimentSearch: ExperimentSearch
  readonly runs: RunStore
  readonly runSearch: RunSearch
  readonly documents: { find(id: string): Promise<RunDocument | undefined> }
  readonly log: LogStore
  readonly history: HistoryStore & SeriesStore
  readonly inputs: InputStore
  readonly loggedModels: LoggedModelStore
}

/** `candidatesMax` is for tests: how many runs a search sorts rather than walk an index. */
export function sqlTrackingStores(db: Db, { candidatesMax }: { candidatesMax?: number } = {}): TrackingStores {
  const keys = sqlKeys(db)
  return {
    experiments: sqlExperimentStore(db),
    experimentFacts: sqlExperimentFacts(db),
    experimentSearch: sqlExperimentSearch(db),
    runs: sqlRunStore(db, keys),
    runSearch: sqlRunSearch(db, keys, candidatesMax),
    documents: sqlRunDocuments(db),
    log: sqlLogStore(db, keys),
    history: sqlHistoryStore(db, keys),
    inputs: sqlInputStore(db),
    loggedModels: sqlLoggedModelStore(db),
  }
}
