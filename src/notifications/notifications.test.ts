import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import { manualClock } from '#kernel/clock.ts'
import type { EventType } from '#kernel/event.ts'
import { rolledOut } from '#delivery'
import { incidentOpened, incidentResolved, driftFound } from '#monitoring'
import { createGuardedPost, outboundMigrations } from '#outbound'
import type { NotificationsSpec } from '#project'
import { versionRegistered } from '#registry'
import { secretMigrations } from '#secrets'
import { testSecrets } from '#secrets/testing.ts'
import { createOutbox, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { pipelineStale, runFinished, runLate, taskAsked } from '#workflow'
import { createNotifications } from './notifications.ts'
import { notificationDeliveries, notificationMigrations } from './tables.ts'

interface Heard {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (await look()) return
    await sleep(5)
  }
  throw new Error('it did not happen')
}

/** A receiver of posts that answers `answers` by path, the last again and again. */
async function receiver(
  t: TestContext,
  answers: Readonly<Record<string, readonly (readonly [number, string?])[]>> = {},
) {
  const heard: Heard[] = []
  const server = createServer(async (request, reply) => {
    const path = request.url!
    const body = Buffer.concat(await request.toArray()).toString()
    const before = heard.filter(one => one.path === path).length
    heard.push({ path, headers: request.headers, body })
    const all = answers[path] ?? [[200]]
    const [status, retryAfter] = all[Math.min(before, all.length - 1)]!
    reply.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end(`heard ${path}`)
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => server.close())
  return { heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** A mail server that wants a password, and refuses recipients at refused.example. */
async function mailServer(t: TestContext) {
  const mails: { from: string; to: string[]; text: string }[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) =>
      username === 'ada' && password === 'hunter/2' ? done(null, { user: 'ada' }) : done(new Error('no such user')),
    onRcptTo: ({ address }, _, done) =>
      address.endsWith('refused.example')
        ? done(Object.assign(new Error('no such mailbox'), { responseCode: 550 }))
        : done(),
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
        })
        done()
      })
    },
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close(() => {}))
  return { mails, url: `smtp://ada:hunter%2F2@127.0.0.1:${(server.server.address() as AddressInfo).port}` }
}

async function open(t: TestContext, spec: NotificationsSpec | undefined, smtp = '') {
  const db = await testEngines()[0]!.open(t, [
    ...outboxMigrations,
    ...outboundMigrations,
    ...secretMigrations,
    ...notificationMigrations,
  ])
  const clock = manualClock(1_000_000)
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const secrets = testSecrets({ db, outbox, clock })
  const runs: { id: string; state: string }[] = []
  const post = createGuardedPost({ targets: 'any' })
  const notifications = createNotifications({
    deliveries: notificationDeliveries(db),
    secrets,
    projects: {
      find: async () => ({ spec: { notifications: spec, models: { rain: { promotion: 'approval' } } } }) as never,
    },
    workflow: { runs: async () => ({ items: runs.toReversed() }) as never },
    platform: { from: 'platform', channels: {} },
    outbound: { project: post, platform: post },
    smtp,
    mailFrom: 'platform@example.org',
    pages: () => 'https://ml.example.org',
    clock,
    random: () => 0,
    warn: () => {},
  })
  outbox.subscribe('notifications', notifications.handlers)
  outbox.start()
  notifications.courier.start()
  t.after(async () => {
    await outbox.stop()
    await notifications.courier.stop()
  })
  const tell = async <Data>(type: EventType<Data>, data: Data): Promise<void> => {
    await db.transaction().execute(tx => outbox.emit(tx, type, { project: 'rain', data }))
    await outbox.settled()
  }
  const list = async (channel?: string) => (await notifications.list({ project: 'rain', channel }, { limit: 99 })).items
  return { clock, secrets, notifications, tell, list, runs }
}

const cause = { kind: 'manual', reason: 'x' } as const
const failed = { run: 'run_3', pipeline: 'training', state: 'failed', cause, error: 'No wind.\nat line 7' } as const

test('a failed run is told to every kind of channel: what, where, why and what next; addresses may be secrets', async t => {
  const web = await receiver(t)
  const mail = await mailServer(t)
  const { secrets, tell, list } = await open(t, {
    channels: {
      hook: { type: 'webhook', url: `${web.url}/hook`, signedWith: { secret: 'KEY' } },
      team: { type: 'slack', url: { secret: 'SLACK' } },
      ops: { type: 'email', to: ['ops@example.org', 'on@example.org'], server: { secret: 'SMTP' } },
    },
  })
  const key = Buffer.from('a key of the receiver').toString('base64')
  for (const [name, value] of [
    ['KEY', `whsec_${key}`],
    ['SLACK', `${web.url}/services/T0/hunter2`],
    ['SMTP', mail.url],
  ] as const)
    await secrets.set({ project: 'rain', name, value, actor: 'ada' })

  await tell(runFinished, failed)
  await until(async () => (await list()).every(({ state }) => state === 'delivered'))

  const told = await list()
  const at = (path: string): Heard => web.heard.find(one => one.path === path)!
  const hook = at('/hook')
  const { id } = told.find(({ channel }) => channel === 'hook')!
  assert.deepEqual(JSON.parse(hook.body), {
    type: 'run.failed',
    timestamp: '1970-01-01T00:16:40.000Z',
    data: {
      id,
      project: 'rain',
      title: 'training has failed',
      why: 'No wind.',
      next: 'Mend it, then resume the run: what has succeeded is not done again.',
      url: 'https://ml.example.org/p/rain/runs/run_3',
    },
  })
  const { 'webhook-id': said, 'webhook-timestamp': seconds, 'webhook-signature': signature } = hook.headers
  const hmac = createHmac('sha256', Buffer.from(key, 'base64')).update(`${id}.${String(seconds)}.${hook.body}`)
  assert.deepEqual([said, signature], [id, `v1,${hmac.digest('base64')}`])
  assert.deepEqual(JSON.parse(at('/services/T0/hunter2').body), {
    text: '*<https://ml.example.org/p/rain/runs/run_3|rain: training has failed>*\nNo wind.\nMend it, then resume the run: what has succeeded is not done again.',
  })
  const [letter] = mail.mails
  assert.deepEqual([letter?.from, letter?.to], ['platform@example.org', ['ops@example.org', 'on@example.org']])
  assert.match(letter!.text, /^Subject: \[rain\] training has failed\r$/m)
  assert.match(
    letter!.text,
    new RegExp(`^Message-ID: <${told.find(({ channel }) => channel === 'ops')!.id}@trainyard>`, 'm'),
  )
  assert.match(letter!.text, /No wind\.[\s\S]*https:\/\/ml\.example\.org\/p\/rain\/runs\/run_3/)
  assert.doesNotMatch(JSON.stringify(told), /hunter|whsec/)
})

test('a receiver that is away is tried again and holds up nobody; what is given up can be sent again', async t => {
  const web = await receiver(t, { '/busy': [[503], [429, '600'], [200]], '/gone': [[404]] })
  const { clock, notifications, tell, list } = await open(t, {
    channels: {
      busy: { type: 'webhook', url: `${web.url}/busy` },
      gone: { type: 'webhook', url: `${web.url}/gone` },
      away: { type: 'webhook', url: 'http://127.0.0.1:1/' },
      fine: { type: 'webhook', url: `${web.url}/fine` },
    },
  })
  const one = async (channel: string) => (await list(channel))[0]!
  const waits: number[] = []

  await tell(runFinished, failed)
  await until(async () => (await one('fine')).state === 'delivered' && (await one('gone')).state === 'failed')
  for (const status of [503, 429]) {
    await until(async () => (await one('busy')).status === status)
    waits.push((await one('busy')).nextAt! - clock.now())
    clock.advance(waits.at(-1)!)
    notifications.courier.wake()
  }
  await until(async () => (await one('busy')).state === 'delivered')
  await until(async () => (await one('away')).error !== undefined)
  const again = await notifications.resend('rain', (await one('gone')).id)
  await until(async () => (await one('gone')).state === 'failed')

  assert.deepEqual(waits, [5_000, 600_000])
  const ids = web.heard.filter(({ path }) => path === '/busy').map(({ headers }) => headers['webhook-id'])
  assert.deepEqual(
    ids,
    Array.from({ length: 3 }, () => ids[0]),
  )
  const { state, status, answer, error, replayOf } = await one('gone')
  assert.deepEqual([state, status, answer, error], ['failed', 404, 'heard /gone', 'The receiver answered 404.'])
  assert.deepEqual([replayOf, again.state], [(await list('gone'))[1]!.id, 'waiting'])
  assert.match((await one('away')).error!, /ECONNREFUSED/)
  await assert.rejects(notifications.resend('snow', again.id), { code: 'not_found' })
})

test('rules say who is told of what; each kind of event has its words', async t => {
  const web = await receiver(t)
  const url = `${web.url}/all`
  const { tell, list, runs } = await open(t, {
    channels: { all: { type: 'webhook', url }, rain: { type: 'webhook', url }, none: { type: 'webhook', url } },
    rules: [
      {
        on: [
          'run.failed',
          'run.succeeded',
          'run.recovered',
          'run.late',
          'pipeline.stale',
          'approval.waiting',
          'gate.rejected',
          'deployment.promoted',
        ],
        to: ['all'],
      },
      { on: ['deployment.rolled_back', 'drift.found', 'incident.opened', 'incident.closed'], to: ['all'] },
      { on: ['gate.rejected', 'run.failed'], models: ['rain'], to: ['rain'] },
      { on: ['run.failed'], pipelines: ['other'], to: ['none'] },
    ],
  })
  const version = { model: 'rain', version: 'mdv_1', number: 4, stage: 'staging' } as const
  const incident = { incident: 'inc_1', kind: 'drift', deployment: 'rain' } as const

  await tell(runFinished, { ...failed, state: 'succeeded' })
  runs.push({ id: 'run_2', state: 'failed' }, { id: 'run_25', state: 'cancelled' }, { id: 'run_3', state: 'succeeded' })
  await tell(runFinished, { ...failed, state: 'succeeded' })
  await tell(runFinished, { ...failed, state: 'cancelled' })
  const minute = 60_000
  await tell(runLate, { run: 'run_4', pipeline: 'training', startedAt: 0, deadlineAt: minute })
  await tell(pipelineStale, { pipeline: 'training', since: 0, maxAgeMs: minute })
  await tell(taskAsked, { run: 'run_3', pipeline: 'training', task: 'tsk_1', name: 'ask', message: 'May it go on?' })
  await tell(versionRegistered, { ...version, passed: true })
  await tell(versionRegistered, { ...version, stage: 'rejected', passed: false })
  await tell(versionRegistered, version)
  for (const outcome of ['promoted', 'rolled_back'] as const)
    await tell(rolledOut, { deployment: 'rain', revision: 'rev_1', version: 'mdv_1', outcome, reason: 'Measured.' })
  await tell(driftFound, { deployment: 'rain', model: 'rain', window: 'win_1', features: ['wind'], item: 'fbi_1' })
  await tell(incidentOpened, { ...incident, title: 'Drift of wind', severity: 'ticket' })
  await tell(incidentResolved, { ...incident, resolution: 'Three clean windows.' })

  assert.deepEqual((await list('all')).map(({ kind, title, path }) => `${kind} ${title} ${path}`).toReversed(), [
    'run.succeeded training has succeeded /p/rain/runs/run_3',
    'run.recovered training succeeds again /p/rain/runs/run_3',
    'run.late training is late /p/rain/runs/run_4',
    'pipeline.stale What training makes is stale /p/rain/pipelines',
    'approval.waiting training waits for approval at ask /p/rain/runs/run_3?task=ask',
    'approval.waiting rain 4 has passed its gate and waits for approval /p/rain/versions/mdv_1',
    'gate.rejected The gate has rejected rain 4 /p/rain/versions/mdv_1',
    'deployment.promoted rain has a new version /p/rain/deployments/rain',
    'deployment.rolled_back rain was rolled back /p/rain/deployments/rain',
    'drift.found Drift at rain: wind /p/rain/monitors/rain',
    'incident.opened Drift of wind /p/rain/incidents/inc_1',
    'incident.closed The drift incident at rain is over /p/rain/incidents/inc_1',
  ])
  assert.deepEqual(
    (await list('rain')).map(({ kind }) => kind),
    ['gate.rejected'],
  )
  assert.deepEqual(await list('none'), [])
})

test('a test message says at once what a channel answers, and mail that is refused is not tried again', async t => {
  const web = await receiver(t, { '/no': [[400]] })
  const mail = await mailServer(t)
  const { notifications, tell, list } = await open(
    t,
    {
      channels: {
        good: { type: 'slack', url: `${web.url}/good` },
        bad: { type: 'slack', url: `${web.url}/no` },
        mail: { type: 'email', to: ['ops@example.org'] },
        refused: { type: 'email', to: ['ops@refused.example'] },
        unset: { type: 'slack', url: { secret: 'NOT_SET' } },
      },
    },
    mail.url,
  )

  const answers = await Promise.all(
    ['good', 'bad', 'mail', 'refused', 'unset'].map(name => notifications.test('rain', name)),
  )
  await assert.rejects(notifications.test('rain', 'unknown'), { code: 'not_found' })
  await tell(runFinished, failed)
  await until(async () => (await list('refused'))[0]?.state === 'failed')

  assert.deepEqual(
    answers.map(({ success, status }) => [success, status]),
    [
      [true, 200],
      [false, 400],
      [true, 250],
      [false, undefined],
      [false, undefined],
    ],
  )
  assert.match(answers[3]!.error!, /^The mail server refuses: .*no such mailbox/)
  assert.match(answers[4]!.error!, /NOT_SET: a secret/)
  assert.deepEqual(
    (await notifications.channels('rain')).map(({ name, target, from }) => [
      name,
      target.replace(/\d+$/, 'port'),
      from,
    ]),
    [
      ['good', '127.0.0.1:port', 'project'],
      ['bad', '127.0.0.1:port', 'project'],
      ['mail', 'ops@example.org', 'project'],
      ['refused', 'ops@refused.example', 'project'],
      ['unset', 'secret NOT_SET', 'project'],
    ],
  )
})
