import { Command } from 'commander'
import { bind, type Surroundings, type Verb } from './command.ts'
import { tokenVerb, userVerb } from './commands/access.ts'
import { approveVerb } from './commands/approve.ts'
import { pushDataVerb, truthVerb } from './commands/data.ts'
import { backfillVerb, backfillsVerb } from './commands/backfill.ts'
import { clientVerb } from './commands/client.ts'
import { deploymentsVerb } from './commands/deployments.ts'
import { demoVerb } from './commands/demo.ts'
import { doctorVerb } from './commands/doctor.ts'
import { environmentsVerb } from './commands/environments.ts'
import { exportVerb, importVerb } from './commands/exchange.ts'
import { lineageVerb } from './commands/lineage.ts'
import { deployVerb, promoteVerb, rollbackVerb, shadowVerb } from './commands/model.ts'
import { predictVerb } from './commands/predict.ts'
import { modelsVerb } from './commands/models.ts'
import { applyVerb, initVerb, planVerb } from './commands/project.ts'
import { purgeVerb } from './commands/purge.ts'
import { reproduceVerb } from './commands/reproduce.ts'
import { logsVerb, runVerb, statusVerb } from './commands/run.ts'
import { notifyVerb } from './commands/notify.ts'
import { secretsVerb } from './commands/secrets.ts'
import { devVerb, openVerb, startVerb } from './commands/server.ts'
import { storageVerb } from './commands/storage.ts'
import { tryVerb } from './commands/try.ts'
import { tuneVerb } from './commands/tune.ts'
import { triggersVerb } from './commands/triggers.ts'
import { version } from './version.ts'

/** All verbs, in the order in which a project needs them. docs/cli.md is printed from here. */
export const verbs: readonly Verb[] = [
  initVerb,
  devVerb,
  startVerb,
  demoVerb,
  doctorVerb,
  planVerb,
  applyVerb,
  pushDataVerb,
  runVerb,
  tryVerb,
  statusVerb,
  logsVerb,
  approveVerb,
  reproduceVerb,
  tuneVerb,
  triggersVerb,
  backfillVerb,
  backfillsVerb,
  modelsVerb,
  promoteVerb,
  deployVerb,
  deploymentsVerb,
  shadowVerb,
  rollbackVerb,
  predictVerb,
  clientVerb,
  truthVerb,
  lineageVerb,
  importVerb,
  exportVerb,
  storageVerb,
  environmentsVerb,
  purgeVerb,
  notifyVerb,
  secretsVerb,
  tokenVerb,
  userVerb,
  openVerb,
]

export function createProgram(surroundings: Surroundings): Command {
  const { stdout, stderr, isJson = false } = surroundings
  const told = (text: string): string =>
    isJson ? JSON.stringify({ code: 'invalid', message: text.trim().replace(/^error: /, '') }) : text
  const quiet = (command: Command): Command =>
    command
      .showSuggestionAfterError()
      .exitOverride()
      .configureOutput({
        writeOut: text => stdout(text.trimEnd()),
        writeErr: text => stderr(text.trimEnd()),
        outputError: (text, write) => write(told(text)),
      })
  const program = quiet(new Command('trainyard'))
    .description('From a CSV file to a monitored service that retrains itself.')
    .version(version, '--version', 'print the version')
  for (const verb of verbs) program.addCommand(quiet(bind(verb, surroundings)))
  return program
}
