import { contractOf, typescriptTypes, type Contract, type Field } from './contract.ts'
import type { BundleManifest } from './bundle.ts'

export const clientLanguages = ['typescript', 'python'] as const
export type ClientLanguage = (typeof clientLanguages)[number]

export interface ClientRequest {
  readonly language: ClientLanguage
  readonly deployment: string
  /** Number of the revision whose contract it is. */
  readonly revision: number
  readonly manifest: BundleManifest
}

/** A small client of a deployment in one file without dependencies, typed as the deployment's contract says. */
export function clientSource({ language, deployment, revision, manifest }: ClientRequest): string {
  const contract = contractOf(manifest, true)
  const about = `The deployment ${deployment} as of revision ${revision}. Made by: trainyard client ${language} ${deployment}`
  return language === 'typescript'
    ? `// ${about}\n\n${typescriptTypes(contract)}${typescriptClient(deployment)}`
    : `"""${about}"""\n${pythonImports}\n${pythonTypes(contract)}${pythonClient(deployment)}`
}

const typescriptClient = (deployment: string): string => `
export interface Answer {
  /** One for each row. */
  readonly predictions: readonly Prediction[]
  /** By which the truth is told, later. */
  readonly prediction_ids: readonly string[]
}

/** What the model server says of rows that it does not answer. */
export class PredictionError extends Error {
  override readonly name = 'PredictionError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface ClientOptions {
  /** Of the model server: https://trainyard.example:7071 */
  readonly url: string
  readonly token?: string
  /** Of one attempt. 30 s when left out. */
  readonly timeoutMs?: number
  /** Attempts while there is too much to do (429, 503). 3 when left out. */
  readonly attempts?: number
}

export function createClient({ url, token, timeoutMs = 30_000, attempts = 3 }: ClientOptions) {
  const headers = {
    'content-type': 'application/json',
    'x-trainyard-deployment': ${JSON.stringify(deployment)},
    ...(token === undefined ? {} : { authorization: \`Bearer \${token}\` }),
  }
  return {
    async predict(rows: readonly Row[]): Promise<Answer> {
      const body = JSON.stringify({ dataframe_records: rows })
      for (let attempt = 1; ; attempt++) {
        const signal = AbortSignal.timeout(timeoutMs)
        const response = await fetch(\`\${url.replace(/\\/$/, '')}/invocations\`, { method: 'POST', headers, body, signal })
        const answer = (await response.json()) as Answer & { readonly error?: string }
        if (response.ok) return answer
        if (![429, 503].includes(response.status) || attempt >= attempts)
          throw new PredictionError(response.status, answer.error ?? response.statusText)
        const waitS = Number(response.headers.get('retry-after') ?? 1)
        await new Promise(resolve => setTimeout(resolve, waitS * 1_000))
      }
    },
  }
}
`

const pythonImports = `
import json
import time
import urllib.error
import urllib.request
from typing import Any, Dict, List, Optional, Sequence, TypedDict, Union
`

const python = { number: 'float', integer: 'int', text: 'str', boolean: 'bool' } as const

function pythonTypes({ inputs, outputs, key, isOpen }: Contract): string {
  const member = ({ name, kind, isOptional }: Field): string =>
    `    ${JSON.stringify(name)}: ${isOptional ? `Optional[${python[kind]}]` : python[kind]},`
  const required = inputs.filter(({ isOptional }) => !isOptional).map(member)
  const optional = [
    ...inputs.filter(({ isOptional }) => isOptional).map(member),
    ...(key === undefined ? [] : [`    ${JSON.stringify(key)}: Union[str, int],`]),
    '    "event_time": Union[str, int],',
  ]
  const dict = (name: string, members: readonly string[], total: boolean): string =>
    `${name} = TypedDict(\n    "${name}",\n    {\n${members.map(line => `    ${line}`).join('\n')}\n    },\n    total=${total ? 'True' : 'False'},\n)`
  const [only] = outputs
  const listed = ({ kind, isList }: Field): string => (isList ? `List[${python[kind]}]` : python[kind])
  const prediction = isOpen || outputs.length !== 1 ? 'Prediction = Dict[str, Any]' : `Prediction = ${listed(only!)}`
  return [
    dict('_Required', required, true),
    dict('_Optional', optional, false),
    '',
    'class Row(_Required, _Optional):\n    """Inputs of one row."""\n',
    prediction,
    '',
  ].join('\n')
}

const pythonClient = (deployment: string): string => `
class Answer(TypedDict):
    predictions: List[Prediction]
    prediction_ids: List[str]


class PredictionError(Exception):
    """What the model server says of rows that it does not answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """\`url\` is that of the model server; \`attempts\` are made while there is too much to do (429, 503)."""

    def __init__(self, url: str, token: Optional[str] = None, timeout: float = 30.0, attempts: int = 3) -> None:
        self._url = f"{url.rstrip('/')}/invocations"
        self._headers = {"content-type": "application/json", "x-trainyard-deployment": ${JSON.stringify(deployment)}}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"
        self._timeout = timeout
        self._attempts = attempts

    def predict(self, rows: Sequence[Row]) -> Answer:
        body = json.dumps({"dataframe_records": list(rows)}).encode()
        for attempt in range(1, self._attempts + 1):
            request = urllib.request.Request(self._url, data=body, headers=self._headers, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempt == self._attempts:
                    raise PredictionError(error.code, _reason(error)) from None
                time.sleep(float(error.headers.get("retry-after", 1)))
        raise ValueError("attempts: at least 1")


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return json.load(error)["error"]
    except (ValueError, KeyError):
        return str(error)
`
