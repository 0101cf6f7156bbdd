/** What an `Authorization` header brings. Basic authentication has a name too; its secret may be a token. */
export interface Credentials {
  readonly name?: string
  readonly secret: string
}

/** Undefined without the header, and for schemes other than Bearer and Basic. */
export function credentialsOf(authorization: string | undefined): Credentials | undefined {
  const [scheme = '', value = ''] = authorization?.split(' ') ?? []
  if (scheme.toLowerCase() === 'bearer') return { secret: value }
  if (scheme.toLowerCase() !== 'basic') return undefined
  const [, name = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? []
  return { name, secret }
}
