import { assuranceRecords } from '#assurance'
import { ledgerRecords } from '#metadata'
import { outboundRecords } from '#outbound'
import { projectRecords } from '#project'
import { registryRecords, registryRows } from '#registry'
import { outboxRecords, usageRecords, type References } from '#storage'
import { artifactReferences } from '#tracking'

/**
 * What of all components keeps bytes from being freed: everything that is there. Only what tells of the past does not:
 * sizes, events, lineage, transitions, scans and approvals say by digest what they were about, and stay true without it.
 */
export const blobReferences: References = {
  ...artifactReferences,
  except: [
    ...artifactReferences.except,
    ...outboxRecords,
    ...usageRecords,
    ...outboundRecords,
    ...projectRecords,
    ...ledgerRecords,
    ...registryRecords,
    ...assuranceRecords,
  ],
  rows: registryRows,
}
