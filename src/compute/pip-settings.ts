/** What uv, which reads no settings of pip, is told of them. */
export interface UvSettings {
  /** An index may have a password in its address, which no argument is for. */
  readonly variables: Readonly<Record<string, string>>
  readonly flags: readonly string[]
}

const variables: Readonly<Record<string, { readonly name: string; readonly between?: string }>> = {
  'index-url': { name: 'UV_INDEX_URL' },
  'extra-index-url': { name: 'UV_EXTRA_INDEX_URL', between: ' ' },
  'find-links': { name: 'UV_FIND_LINKS', between: ',' },
  'trusted-host': { name: 'UV_INSECURE_HOST', between: ' ' },
  'keyring-provider': { name: 'UV_KEYRING_PROVIDER' },
  cert: { name: 'SSL_CERT_FILE' },
  'client-cert': { name: 'SSL_CLIENT_CERT' },
  proxy: { name: 'ALL_PROXY' },
  timeout: { name: 'UV_HTTP_TIMEOUT' },
  'default-timeout': { name: 'UV_HTTP_TIMEOUT' },
}
/** Later ones win, as with pip [pip, configuration]. */
const sections = ['global', 'install', ':env:']

/** @param listing What `pip config list` prints: `section.name='value'` lines, values as Python writes them. */
export function uvSettingsOf(listing: string): UvSettings {
  const lines = listing.split('\n').flatMap(line => {
    const [, section, name, value] = /^([^.]+)\.([^=]+)='(.*)'$/.exec(line) ?? []
    return value === undefined
      ? []
      : [{ section: section!, name: name!, value: value.replaceAll(/\\n|\s+/g, ' ').trim() }]
  })
  const settings = new Map(
    sections.flatMap(section => lines.filter(line => line.section === section)).map(({ name, value }) => [name, value]),
  )
  const told = [...settings].flatMap(([setting, value]) => {
    const { name, between } = (Object.hasOwn(variables, setting) ? variables[setting] : undefined) ?? {}
    return name === undefined ? [] : [[name, between === undefined ? value : value.split(' ').join(between)] as const]
  })
  return { variables: Object.fromEntries(told), flags: flagsOf(settings) }
}

const flagsOf = (settings: ReadonlyMap<string, string>): readonly string[] => [
  ...(/^(?:1|true|yes|on)$/i.test(settings.get('no-index') ?? '') ? ['--no-index'] : []),
  ...['only-binary', 'no-binary'].flatMap(name =>
    (settings.get(name) ?? '').split(/[ ,]+/).flatMap(value => (value === '' ? [] : [`--${name}`, value])),
  ),
]
