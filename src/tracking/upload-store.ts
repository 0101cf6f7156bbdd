import type { AnyTx } from '#storage'
import type { Upload, UploadPart } from './upload.ts'

/** Uploads that are under way, and those that were completed until they expire. */
export interface UploadStore {
  insert(upload: Upload): Promise<void>
  find(id: string): Promise<Upload | undefined>
  /** Notes a part, over the one of this number that came before. */
  putPart(id: string, part: UploadPart): Promise<void>
  /** By number. */
  parts(id: string): Promise<readonly UploadPart[]>
  complete(tx: AnyTx, id: string): Promise<void>
  /** Removes an upload and what is noted of its parts. A repeat is harmless. */
  remove(id: string): Promise<void>
  expired(at: number, limit: number): Promise<readonly string[]>
}
