import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const administrator = { name: 'admin', password: 'an administrator of tests, 1' }

/** As with ours: who has been given nothing may do nothing. */
const configuration = `[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///basic_auth.db
admin_username = ${administrator.name}
admin_password = ${administrator.password}
auth_cache_ttl_seconds = 60
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
`

/** How MLflow's server is started with basic authentication, whose settings are written into the folder. */
export async function basicAuth(
  folder: string,
): Promise<{ readonly env: Readonly<Record<string, string>>; readonly args: readonly string[] }> {
  const file = join(folder, 'auth.ini')
  await mkdir(folder, { recursive: true })
  await writeFile(file, configuration)
  return {
    env: { MLFLOW_AUTH_CONFIG_PATH: file, MLFLOW_FLASK_SERVER_SECRET_KEY: 'of this test' },
    args: ['--app-name', 'basic-auth'],
  }
}

/** For clients. */
export const signedIn = {
  MLFLOW_TRACKING_USERNAME: administrator.name,
  MLFLOW_TRACKING_PASSWORD: administrator.password,
}

/** On a loopback address whoever is at the machine may do all: also make the first administrator. */
export async function makeAdministrator(url: string): Promise<void> {
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, { method, headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(await response.text())
  }
  await send('POST', 'users/create', { username: administrator.name, password: administrator.password })
  await send('PATCH', 'users/update-admin', { username: administrator.name, is_admin: true })
}
