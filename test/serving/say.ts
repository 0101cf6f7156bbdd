import type { Digest } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import type { Blobs } from '#storage'
import { packBundle } from '../../src/serving/bundle.ts'

/** A model that streams: says what it is told, word by word, and does as some words say. */
const code = `
import os, time

class Say:
    def __init__(self, folder):
        self.closed = 0

    def predict(self, columns):
        text = columns["text_input"][0]
        if text == "about": text = "%d %d" % (os.getpid(), self.closed)
        try:
            for word in text.split():
                if word == "fail": raise ValueError("no such word")
                if word == "odd": yield 3
                while word == "forever":
                    yield "on "
                    time.sleep(0.01)
                yield word + " "
        except GeneratorExit:
            self.closed += 1
            raise
`

export async function sayBundle(blobs: Blobs): Promise<Digest> {
  const text = (name: string) => ({ name, datatype: 'BYTES', shape: [-1, 1] })
  return packBundle(blobs, {
    manifest: {
      project: 'rain',
      model: 'say',
      version: newId('mdv'),
      number: 1,
      signature: { inputs: [text('text_input')], outputs: [text('text_output')] },
      service: null,
      runtime: { kind: 'python', loader: 'class', entry: 'own:Say' },
      golden: [{ inputs: { text_input: 'a b' }, outputs: { text_output: 'a b ' } }],
    },
    model: { 'model/own.py': { ...(await blobs.put(code)), executable: false } },
    code: {},
  })
}
