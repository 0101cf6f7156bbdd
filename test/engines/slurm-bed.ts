import { execFile, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { background, end, freePort, untilTrue, whereIs } from './programs.ts'

const run = promisify(execFile)

/** A real Slurm of one node, in a folder of its own and on loopback alone. */
export interface SlurmBed {
  readonly folder: string
  readonly logs: string
  readonly env: Readonly<Record<string, string>>
  readonly restUrl: string
  /** A token for root, whose jobs they are. */
  token(): Promise<string>
  /** Ends the controller: as a crash does, which forgets its last seconds, or after it has written its state. */
  endController(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  startController(): Promise<void>
  /** Ends the node's daemon as a crash does. */
  killNode(): Promise<void>
  startNode(): Promise<void>
  stop(): Promise<void>
}

const programs = ['munged', 'slurmctld', 'slurmd', 'slurmrestd', 'sbatch', 'setpriv'] as const

/** Why there is no Slurm here; undefined when there is one. */
export function slurmIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'Slurm is started as root, which this user is not'
  const missing = programs.find(name => whereIs(name) === undefined)
  return missing && `there is no ${missing}: apt-get install slurm-wlm slurmrestd munge slurm-wlm-jwt-plugin`
}

export async function openSlurm({ nodes = 1 }: { nodes?: number } = {}): Promise<SlurmBed> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-slurm-'))
  // slurmrestd refuses to be root, and reads the configuration here.
  await chmod(folder, 0o755)
  const logs = join(folder, 'logs')
  for (const name of ['logs', 'state', 'munge']) await mkdir(join(folder, name), { recursive: true })
  for (const name of ['munge.key', 'jwt.key']) await writeFile(join(folder, name), randomBytes(64), { mode: 0o600 })
  const [controllerPort, restPort] = [await freePort(), await freePort()]
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`)
  const ports = await Promise.all(names.map(() => freePort()))
  const env = {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    HOME: folder,
    SLURM_CONF: join(folder, 'slurm.conf'),
  }
  await writeFile(
    env.SLURM_CONF,
    configuration(
      folder,
      controllerPort,
      names.map((name, index) => [name, ports[index]!]),
    ),
  )
  const start = (file: string, ...args: string[]): ChildProcess => background(file, args, { env, cwd: folder })

  const munge = start(
    'munged',
    '--foreground',
    '--force',
    `--socket=${folder}/munge/socket`,
    `--key-file=${folder}/munge.key`,
    `--pid-file=${folder}/munge/pid`,
    `--log-file=${logs}/munged.log`,
    `--seed-file=${folder}/munge/seed`,
  )
  await untilTrue('munged', async () => Boolean(await run('munge', ['-n', '-S', `${folder}/munge/socket`], { env })))
  let controller: ChildProcess
  let daemons: readonly ChildProcess[] = []
  let token: Promise<string> | undefined
  const makeToken = async (): Promise<string> => {
    const { stdout } = await run('scontrol', ['token', 'username=root', 'lifespan=3600'], { env })
    return stdout.trim().replace('SLURM_JWT=', '')
  }
  const bed: SlurmBed = {
    folder,
    logs,
    env,
    restUrl: `http://127.0.0.1:${restPort}`,
    token: () => (token ??= makeToken()),
    endController: signal => end(controller, signal),
    async startController() {
      controller = start('slurmctld', '-D')
      await untilTrue('slurmctld', async () => (await run('scontrol', ['ping'], { env })).stdout.includes('is UP'))
    },
    async killNode() {
      for (const daemon of daemons) await end(daemon, 'SIGKILL')
    },
    async startNode() {
      daemons = names.map(name => start('slurmd', '-D', '-N', name))
      await untilTrue('slurmd', async () =>
        /^(idle|mixed|allocated)\n$/.test((await run('sinfo', ['--noheader', '-o', '%T'], { env })).stdout),
      )
    },
    async stop() {
      await run('scancel', ['--me'], { env }).catch(() => {})
      await bed.killNode()
      await end(controller, 'SIGKILL')
      await end(rest)
      await end(munge)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  await bed.startController()
  await bed.startNode()
  const rest = background(
    'setpriv',
    [
      '--reuid',
      'nobody',
      '--regid',
      'nogroup',
      '--clear-groups',
      'slurmrestd',
      '-a',
      'rest_auth/jwt',
      '-s',
      'openapi/v0.0.38',
      `127.0.0.1:${restPort}`,
    ],
    { env: { ...env, SLURM_JWT: 'daemon' }, cwd: folder },
  )
  await untilTrue('slurmrestd', async () => (await fetch(bed.restUrl)).status > 0)
  return bed
}

/** The node daemons are told apart by name; they all are this machine. */
function configuration(folder: string, controllerPort: number, nodes: readonly (readonly [string, number])[]): string {
  const host = hostname()
  return `ClusterName=trainyard
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge/socket
CredType=cred/munge
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=${folder}/jwt.key
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd-%n.pid
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool-%n
SlurmctldLogFile=${folder}/logs/slurmctld.log
SlurmdLogFile=${folder}/logs/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
JobRequeue=0
MinJobAge=300
KillWait=2
SlurmctldTimeout=10
SlurmdTimeout=10
ReturnToService=2
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmdParameters=config_overrides
${nodes
  .map(
    ([name, port]) =>
      `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port} CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000 State=UNKNOWN`,
  )
  .join('\n')}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=100 State=UP
`
}
