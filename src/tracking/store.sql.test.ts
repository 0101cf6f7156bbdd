import { testEngines } from '#storage/testing.ts'
import { historyContract } from './history.contract.ts'
import { purgeContract } from './purge.contract.ts'
import { runSearchContract } from './run-search.contract.ts'
import { runTableContract } from './run-table.contract.ts'
import { trackingStoreContract } from './store.contract.ts'

for (const engine of testEngines()) {
  trackingStoreContract(engine)
  historyContract(engine)
  runSearchContract(engine)
  runTableContract(engine)
  purgeContract(engine)
}
