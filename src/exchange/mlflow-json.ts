/* The JSON of an MLflow server, as far as it is carried [MLflow: REST API]. */

export interface TagJson {
  readonly key: string
  readonly value?: string
}

export interface ExperimentJson {
  readonly experiment_id: string
  readonly name: string
  readonly lifecycle_stage?: string
  readonly creation_time?: number
  readonly last_update_time?: number
  readonly tags?: readonly TagJson[]
}

export interface MetricJson {
  readonly key: string
  /** NaN is the text `NaN`. */
  readonly value?: number | string
  readonly timestamp?: number
  /** Beyond 2^53 a text. */
  readonly step?: number | string
  readonly run_id?: string
  readonly dataset_name?: string
  readonly dataset_digest?: string
}

export interface RunJson {
  readonly info: {
    readonly run_id: string
    readonly run_name?: string
    readonly user_id?: string
    readonly status?: string
    readonly start_time?: number
    readonly end_time?: number
    readonly artifact_uri?: string
    readonly lifecycle_stage?: string
  }
  readonly data?: {
    readonly metrics?: readonly MetricJson[]
    readonly params?: readonly TagJson[]
    readonly tags?: readonly TagJson[]
  }
  readonly inputs?: {
    readonly dataset_inputs?: readonly {
      readonly tags?: readonly TagJson[]
      readonly dataset: {
        readonly name: string
        readonly digest: string
        readonly source_type?: string
        readonly source?: string
        readonly schema?: string
        readonly profile?: string
      }
    }[]
    readonly model_inputs?: readonly { readonly model_id: string }[]
  }
  readonly outputs?: {
    readonly model_outputs?: readonly { readonly model_id: string; readonly step?: number | string }[]
  }
}

export interface LoggedModelJson {
  readonly info: {
    readonly model_id: string
    readonly name: string
    readonly model_type?: string
    readonly source_run_id?: string
    readonly status?: string
    readonly artifact_uri?: string
    readonly creation_timestamp_ms: number
    readonly last_updated_timestamp_ms: number
    readonly tags?: readonly TagJson[]
  }
  readonly data?: { readonly params?: readonly TagJson[]; readonly metrics?: readonly MetricJson[] }
}

export interface ModelJson {
  readonly name: string
  readonly description?: string
  readonly creation_timestamp?: number
  readonly last_updated_timestamp?: number
  readonly tags?: readonly TagJson[]
  readonly aliases?: readonly { readonly alias: string; readonly version: string }[]
}

export interface VersionJson {
  readonly version: string
  readonly description?: string
  readonly source?: string
  readonly run_id?: string
  readonly run_link?: string
  readonly user_id?: string
  readonly current_stage?: string
  readonly creation_timestamp?: number
  readonly last_updated_timestamp?: number
  readonly tags?: readonly TagJson[]
}

export interface FileJson {
  readonly path: string
  readonly is_dir?: boolean
  readonly file_size?: number
}
