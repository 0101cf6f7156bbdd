/** Who is told of predictions that were made elsewhere. */
export interface Intake {
  /** Of the model server: `https://trainyard.example:7071`. */
  readonly url: string
  /** A token for this deployment: `trainyard token <name> --deployment <deployment>`. */
  readonly token?: string
}

export interface Told {
  readonly taken: number
  readonly refused: number
}

const answerMsMax = 15_000
/** Another attempt would end the same way. */
const neverTaken: readonly number[] = [400, 413, 415]

/** Answers what became of the lines. Rejects when the platform cannot be told now. */
export async function tell(
  deployment: string,
  { url, token }: Intake,
  { body, lines }: { body: Buffer<ArrayBuffer> | string; lines: number },
): Promise<Told> {
  const response = await fetch(`${url.replace(/\/$/, '')}/v2/models/${deployment}/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...(token && { authorization: `Bearer ${token}` }) },
    body,
    signal: AbortSignal.timeout(answerMsMax),
  })
  const answer = (await response.json().catch(() => ({}))) as Partial<Told> & { error?: string }
  if (response.ok) return { taken: answer.taken ?? 0, refused: answer.refused ?? 0 }
  if (neverTaken.includes(response.status)) return { taken: 0, refused: lines }
  throw new Error(`${response.status}: ${answer.error ?? response.statusText}`)
}
