import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { invalid } from '#kernel/error.ts'
import type { Row } from '#storage'
import { carriedFiles } from './folder.ts'
import { textOf, type NeptuneReader } from './neptune-reader.ts'
import { keyOf, textMax } from './neptune-run.ts'
import type { CarriedFile } from './record.ts'

/** The files of a run, its long texts, and its series of texts and histograms as JSON lines. */
export async function* neptuneFiles(reader: NeptuneReader, ofRun: string, folder: string): AsyncIterable<CarriedFile> {
  const files = await reader.rows(
    `select distinct attribute_path as path, file_value.path as file, cast(step as varchar) as step, filename
     from attributes where ${ofRun} and file_value.path is not null order by all`,
  )
  for (const row of files) yield* filesAt(row, folder)
  const long = await reader.rows(
    `select attribute_path as path, string_value as value from attributes
     where ${ofRun} and attribute_type = 'string' and length(string_value) > ${textMax} order by path`,
  )
  yield* long.map(({ path, value }) => textFile(`${keyOf(textOf(path))}.txt`, textOf(value)))
  const series = await reader.rows(
    `select distinct attribute_path as path, attribute_type as type from attributes
     where ${ofRun} and attribute_type in ('string_series', 'histogram_series') order by all`,
  )
  yield* series.map(({ path, type }) => seriesFile(reader, { ofRun, path: textOf(path), type: textOf(type) }))
}

const textFile = (path: string, text: string): CarriedFile => ({
  path,
  size: Buffer.byteLength(text),
  open: () => Promise.resolve(Readable.from([Buffer.from(text)])),
})

/**
 * A file lies below the folder of files of its project, which is called as that of its Parquet, or as the one above for
 * what is of the registry. A set of files is a folder there.
 */
async function* filesAt({ path, file, step, filename }: Row, folder: string): AsyncIterable<CarriedFile> {
  const relative = textOf(file)
  const [own, above] = [dirname(textOf(filename)), dirname(dirname(textOf(filename)))]
  const project = basename(['models', 'model_versions'].includes(basename(own)) ? above : own)
  const places = [join(folder, 'files', project, relative), join(folder, 'files', relative), join(folder, relative)]
  const at = `${keyOf(textOf(path))}${step === null ? '' : `/step_${textOf(step)}`}/${basename(relative)}`
  for (const place of places) {
    const found = await stat(place).catch(() => undefined)
    if (found?.isFile() === true) {
      yield { path: at, size: found.size, open: () => Promise.resolve(createReadStream(place)) }
      return
    }
    if (found?.isDirectory() !== true) continue
    for await (const inner of carriedFiles(place)) yield { ...inner, path: `${at}/${inner.path}` }
    return
  }
  throw invalid('A file of the export is missing.', [
    { field: textOf(path), value: relative, allowed: `a file at ${places.join(' or ')}` },
  ])
}

/** One line of JSON for each value: `{"step":…,"timestamp":…,"value":…}`. */
const seriesFile = (
  reader: NeptuneReader,
  { ofRun, path, type }: { readonly ofRun: string; readonly path: string; readonly type: string },
): CarriedFile => ({
  path: `${keyOf(path)}/series.jsonl`,
  async open() {
    const rows = await reader.rows(
      `select cast(step as double) as step, epoch_ms(timestamp) as timestamp,
         ${type === 'string_series' ? 'string_value' : 'to_json(histogram_value)'} as value
       from attributes
       where ${ofRun} and attribute_path = '${path.replaceAll("'", "''")}' and attribute_type = '${type}'
       order by step, timestamp`,
    )
    const lines = rows.map(({ step, timestamp, value }) => {
      const plain: unknown = type === 'string_series' ? value : JSON.parse(textOf(value))
      return `${JSON.stringify({ step, timestamp, value: plain })}\n`
    })
    return Readable.from([Buffer.from(lines.join(''))])
  },
})
