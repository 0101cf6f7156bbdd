import { openDatabase } from '#storage'
import { hour, openSweep } from './sweep-testing.ts'

/** A pass for artifact-sweep.test.ts to kill: over the database and folder of its arguments, so many hours later. */
const [url, root, hours] = process.argv.slice(2)
const stage = openSweep(openDatabase(url!), root!)
stage.advance(Number(hours) * hour)
process.stdout.write(JSON.stringify(await stage.sweep.run()))
process.exit()
