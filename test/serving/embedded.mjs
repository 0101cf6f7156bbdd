/** Asks the embedded package `rain` what is on the command line, as the test does with the one for Python. */
import { open } from 'rain'

const [cases, telemetry] = process.argv.slice(2).map(argument => JSON.parse(argument))
const model = await open({ telemetry })
const seen = []
for (const rows of cases)
  seen.push(
    await model.predict(rows).then(
      ({ predictions, filled, prediction_ids: ids }) => ({ predictions, filled, ids }),
      error => ({ error: error.message }),
    ),
  )
await model.close()
console.log(JSON.stringify({ seen, telemetry: model.telemetry() }))
