import { test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { fillMlflow, mlflowRequest, query } from '../authorisation-mlflow.ts'
import { endless, fillNative, isMlflow, isReading, nameOf, openStage, requireClean } from '../authorisation-stage.ts'

const nul = '\u0000'
/** Bodies that no client means, each with the type that it says it has. */
const nonsense: readonly { payload: string; type?: string }[] = [
  { payload: '{' },
  { payload: 'null' },
  { payload: '[[]]' },
  { payload: '"text"' },
  { payload: '{}' },
  { payload: '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}' },
  { payload: 'a=1', type: 'application/x-www-form-urlencoded' },
  { payload: '\u0000\u0001', type: 'application/x-protobuf' },
]
const strange = [
  `a${nul}b`,
  "x' or 1=1 --",
  '9'.repeat(30),
  'NaN',
  '%',
  '\ud800',
  'x'.repeat(3_000),
  '../../etc/passwd',
]

test('whatever is sent to whichever route, the answer is no fault and shows nothing of the inside', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const said = await fillMlflow(stage)
  for (const route of stage.routes) {
    // What is below /ajax-api are the same handlers as below /api.
    if (route.url === endless || route.method === 'OPTIONS' || route.url.startsWith('/ajax-api')) continue
    const what = nameOf(route, 'administrator')
    for (const text of strange) {
      const values = Object.fromEntries(Object.keys(said).map(name => [name, text]))
      const path = route.url.replaceAll(/:\w+|\*/g, encodeText(text))
      const url = `${path.replaceAll('::', ':')}?${query(values)}`
      const method = route.method as 'POST'
      const payload = isReading(method) ? {} : { payload: values }
      requireClean(await stage.ask('administrator', { method, url, ...payload } as InjectOptions), `${what} ${text}`)
    }
    if (isReading(route.method)) continue
    for (const { payload, type = 'application/json' } of nonsense) {
      const request = isMlflow(route) ? mlflowRequest(route, said) : { method: 'POST' as const, url: route.url }
      const headers = { 'content-type': type }
      requireClean(
        await stage.ask('administrator', { ...request, method: route.method as 'POST', headers, payload }),
        `${what} ${payload}`,
      )
    }
  }
})

/** As a path parameter; a lone surrogate has no UTF-8. */
const encodeText = (text: string): string => encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\ufffd'))
