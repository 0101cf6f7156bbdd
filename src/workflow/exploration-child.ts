import { openModel } from './exploration-bed.ts'
import { explore } from './exploration-search.ts'

/** A process of its own, because a test runner follows every promise, which takes half of the time. Prints the findings. */
const [isHeld, faults] = process.argv.slice(2)
const model = await openModel({ isHeld: isHeld === 'held', faults: Number(faults) })
process.stdout.write(JSON.stringify(await explore(model)))
