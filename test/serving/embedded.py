"""Asks the embedded package `rain` what is on the command line, as the test does with the one for Node.js."""

import json
import sys

import rain

cases, telemetry = (json.loads(argument) for argument in sys.argv[1:])
model = rain.open(telemetry=telemetry)
seen = []
for rows in cases:
    try:
        answer = model.predict(rows)
        seen.append({"predictions": answer["predictions"], "filled": answer["filled"], "ids": answer["prediction_ids"]})
    except rain.RequestError as error:
        seen.append({"error": str(error)})
model.close()
print(json.dumps({"seen": seen, "telemetry": model.telemetry()}))
