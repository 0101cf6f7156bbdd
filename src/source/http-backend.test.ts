import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gitRequest } from './http-backend.ts'

test('the four requests of the smart protocol are understood', () => {
  assert.deepEqual(
    [
      gitRequest('GET', '/git/rain.git/info/refs?service=git-upload-pack'),
      gitRequest('GET', '/git/rain.git/info/refs?service=git-receive-pack'),
      gitRequest('POST', '/git/rain.git/git-upload-pack'),
      gitRequest('POST', '/git/rain.git/git-receive-pack'),
    ],
    [
      { project: 'rain', service: 'git-upload-pack', advertise: true },
      { project: 'rain', service: 'git-receive-pack', advertise: true },
      { project: 'rain', service: 'git-upload-pack', advertise: false },
      { project: 'rain', service: 'git-receive-pack', advertise: false },
    ],
  )
})

test('the dumb protocol is recognised, to be refused', () => {
  assert.deepEqual(
    [gitRequest('GET', '/git/rain.git/info/refs'), gitRequest('GET', '/git/rain.git/info/refs?service=git-shell')],
    ['dumb', 'dumb'],
  )
})

for (const [method, url] of [
  ['GET', '/git/rain.git/HEAD'],
  ['GET', '/git/rain.git/config'],
  ['GET', '/git/rain.git/objects/info/packs'],
  ['GET', '/git/rain.git/hooks/post-receive'],
  ['GET', '/git/../etc/passwd.git/info/refs?service=git-upload-pack'],
  ['GET', '/git/a/../rain.git/info/refs?service=git-upload-pack'],
  ['GET', '/git/%2e%2e%2frain.git/info/refs?service=git-upload-pack'],
  ['GET', '/git//rain.git/info/refs?service=git-upload-pack'],
  ['GET', '/git/Rain.git/info/refs?service=git-upload-pack'],
  ['GET', '/git/rain.git\0/info/refs?service=git-upload-pack'],
  ['POST', '/git/rain.git/git-upload-archive'],
  ['POST', '/git/rain.git/git-upload-pack?x=1'],
  ['POST', '/git/rain.git/info/refs?service=git-upload-pack'],
  ['GET', '/git/rain.git/git-upload-pack'],
] as const) {
  test(`${method} ${JSON.stringify(url)} is not routed`, () => {
    assert.equal(gitRequest(method, url), undefined)
  })
}
