/** What stands in the place of a value that nobody may read. */
const masked = '•••'

/** Takes what nobody may read out of a text. */
export type Mask = (text: string) => string

/** A line of a value of several lines, or a part of an encoded one, that is shorter could be any word. */
const partMin = 8

/** Takes values out of texts, in all their {@link formsOf forms}. */
export function maskOf(values: Iterable<string>): Mask {
  const forms = formsOf(values)
  if (forms.length === 0) return text => text
  const pattern = new RegExp(forms.map(RegExp.escape).join('|'), 'g')
  return text => text.replace(pattern, masked)
}

/**
 * How values may stand in a text: as they are, as JSON or an address would write them, and in base64, also inside of a
 * longer text that is encoded as a whole. Of a value of several lines every longer line by itself, as logs are lines. The
 * longest first, so that who replaces them in this order leaves no part of one beside another.
 */
export const formsOf = (values: Iterable<string>): readonly string[] =>
  [...new Set([...values].flatMap(formsOfOne))].filter(form => form !== '').toSorted((a, b) => b.length - a.length)

function formsOfOne(value: string): string[] {
  const lines = value.split(/\r?\n/)
  const parts = lines.length > 1 ? lines.map(line => line.trim()).filter(line => line.length >= partMin) : []
  const encoded = [value, value.trim(), ...parts].flatMap(text => {
    const url = encodeURIComponent(text)
    return [text, JSON.stringify(text).slice(1, -1), url, lowerHex(url), url.replaceAll('%20', '+')]
  })
  return [...encoded, ...base64Forms(value)]
}

const lowerHex = (url: string): string => url.replace(/%[0-9A-F]{2}/g, code => code.toLowerCase())

/** As a whole, and what is the same of it wherever it stands in a longer text: at each of three offsets. */
function base64Forms(value: string): string[] {
  const whole = Buffer.from(value).toString('base64')
  const inner = [0, 1, 2].map(offset => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
    const text = bytes.toString('base64').replace(/=+$/, '')
    // Characters at the ends hold bits of the neighbours too.
    return text.slice(Math.ceil((offset * 8) / 6), bytes.length % 3 === 0 ? undefined : -1)
  })
  const forms = [whole, whole.replace(/=+$/, ''), ...inner.filter(text => text.length >= partMin)]
  return forms.flatMap(text => [text, text.replaceAll('+', '-').replaceAll('/', '_')])
}
