import type { ArtifactEntry } from './wire.ts'

/** How a file may be shown on a page of ours: as text, or by the browser's decoder of images. Never as a document. */
export type Preview = 'text' | 'image' | 'none'

const images = /\.(png|jpe?g|gif|webp|avif)$/i
const texts =
  /(\.(cfg|conf|csv|geojson|html?|ini|js|json|jsonl|log|md|py|rst|sh|sql|svg|toml|tsv|txt|xml|ya?ml)|(^|\/)(MLmodel|MLproject|Dockerfile|requirements))$/i

/** Above this, an image is not fetched only to be looked at. */
const imageBytesMax = 20_000_000

/** Pictures that are programs (SVG) are read as text. */
export function previewOf({ path, file_size: bytes = 0 }: ArtifactEntry): Preview {
  if (images.test(path)) return bytes <= imageBytesMax ? 'image' : 'none'
  return texts.test(path) ? 'text' : 'none'
}

/** JSON with its lines broken; other text, and JSON that is cut off, as it is. */
export function readable(path: string, text: string): string {
  if (!/\.(json|geojson)$/i.test(path)) return text
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text
  }
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
