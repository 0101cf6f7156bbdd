import { accessMigrations } from '#access'
import { assuranceMigrations } from '#assurance'
import { computeMigrations } from '#compute'
import { dataMigrations } from '#data'
import { deliveryMigrations } from '#delivery'
import { featureMigrations } from '#features'
import { metadataMigrations } from '#metadata'
import { monitoringMigrations } from '#monitoring'
import { notificationMigrations } from '#notifications'
import { outboundMigrations } from '#outbound'
import { projectMigrations } from '#project'
import { registryMigrations, webhookMigrations } from '#registry'
import { secretMigrations } from '#secrets'
import { servingMigrations } from '#serving'
import { sourceMigrations } from '#source'
import { type Migration, outboxMigrations, usageMigrations } from '#storage'
import { traceMigrations } from '#traces'
import { artifactMigrations, loggedModelMigrations, trackingMigrations } from '#tracking'
import { tuningMigrations } from '#tuning'
import { workflowMigrations } from '#workflow'

/** The steps of all components, in the order of the components: a table may refer to those of the lines above it. */
export const migrations: readonly Migration[] = [
  outboxMigrations,
  usageMigrations,
  outboundMigrations,
  accessMigrations,
  secretMigrations,
  projectMigrations,
  metadataMigrations,
  trackingMigrations,
  artifactMigrations,
  loggedModelMigrations,
  traceMigrations,
  sourceMigrations,
  workflowMigrations,
  computeMigrations,
  tuningMigrations,
  dataMigrations,
  featureMigrations,
  registryMigrations,
  webhookMigrations,
  assuranceMigrations,
  servingMigrations,
  monitoringMigrations,
  deliveryMigrations,
  notificationMigrations,
].flat()
