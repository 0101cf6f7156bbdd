import type { Attempt } from '#workflow'

/** How a task's code reaches MLflow's API. */
export interface MlflowAccess {
  readonly variables: Readonly<Record<string, string>>
  /** The token among them: its id, and the text that no log may show. */
  readonly token?: { readonly id: string; readonly secret: string }
}

export interface Mlflow {
  open(attempt: Pick<Attempt, 'id' | 'run' | 'task' | 'tracking'>): Promise<MlflowAccess>
  /** Takes a token back, once nothing of its attempt is left. */
  close(token: string): Promise<void>
}
