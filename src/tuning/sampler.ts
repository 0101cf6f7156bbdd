import type { SamplerSpec } from '#project'
import { cmaEs } from './cma-es.ts'
import { gridOf } from './grid.ts'
import type { Places, Plane } from './plane.ts'
import { randomPlaces, sobolPlaces } from './quasi-random.ts'
import { tpe } from './tpe.ts'
import type { Question } from './trial.ts'

/** Where the next trial is, and what is to be kept with it; undefined when there is no place left. */
export interface Proposal {
  readonly places: Places
  readonly note?: number | undefined
}

/** The next trial of a study: the same space, sampler, seed and trials propose the same, on whichever machine. */
export function propose(plane: Plane, sampler: SamplerSpec, question: Question): Proposal | undefined {
  switch (sampler.type) {
    case 'tpe':
      return { places: tpe(plane, question, sampler) }
    case 'random':
      return { places: randomPlaces(plane, question) }
    case 'sobol':
      return { places: sobolPlaces(plane, question) }
    case 'cma-es': {
      const { places, generation } = cmaEs(plane, question)
      return { places, note: generation }
    }
    case 'grid': {
      const places = gridOf(plane, { points: sampler.points, seed: question.seed })?.[question.number]
      return places && { places }
    }
  }
}
