import assert from 'node:assert/strict'
import { test } from 'node:test'
import { uvSettingsOf } from './pip-settings.ts'

test('uv is told what pip is: indexes, certificates, proxies; the environment before a section before all sections', () => {
  const listing = `:env:.index-url='https://user:pass@mirror.example/simple'
:env:.disable-pip-version-check='1'
global.cert='/etc/ca.pem'
global.constraint='/etc/constraints.txt'
global.extra-index-url='\\nhttps://a.example/simple\\nhttps://b.example/simple'
global.find-links='/opt/wheels /opt/more'
global.index-url='https://global.example/simple'
global.trusted-host='a.example'
install.index-url='https://install.example/simple'
install.no-index='true'
install.only-binary=':all:'
install.no-binary='a,b'
`
  assert.deepEqual(uvSettingsOf(listing), {
    variables: {
      SSL_CERT_FILE: '/etc/ca.pem',
      UV_EXTRA_INDEX_URL: 'https://a.example/simple https://b.example/simple',
      UV_FIND_LINKS: '/opt/wheels,/opt/more',
      UV_INDEX_URL: 'https://user:pass@mirror.example/simple',
      UV_INSECURE_HOST: 'a.example',
    },
    flags: ['--no-index', '--only-binary', ':all:', '--no-binary', 'a', '--no-binary', 'b'],
  })
})

test('what is no setting is nothing', () => {
  assert.deepEqual(uvSettingsOf('WARNING: pip is old\n\n'), { variables: {}, flags: [] })
})
