import contextlib
import io
import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

import train

# A climate with one rule: when it rained today it rains tomorrow, but for every tenth day. Wind means nothing.
CLIMATE = [
    f'"Washington, DC",2012-01-01 23:59:00,{day % 2},{day // 10 % 5},{1 - day % 2 if day % 10 < 2 else day % 2}'
    for day in range(200)
]


class Train(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        csv = self.folder / "train.csv"
        csv.write_text("\n".join(["city,event_time,rained,wind,label", *CLIMATE]) + "\n")

    def run_task(self, output: str) -> bytes:
        """What the platform does: names and places by environment variables."""
        model = self.folder / output
        environment = {
            "TRAINYARD_INPUT_TRAIN": str(self.folder / "train.csv"),
            "TRAINYARD_OUTPUT_MODEL": str(model),
            "TRAINYARD_METRICS": str(self.folder / "metrics.jsonl"),
            "TRAINYARD_PARAM_C": "0.3",
            "TRAINYARD_SEED": "1",
        }
        with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(io.StringIO()):
            train.main()
        return model.read_bytes()

    def test_each_feature_is_an_input_and_the_probability_the_only_output(self) -> None:
        model = onnx.load_from_string(self.run_task("model.onnx"))

        self.assertEqual([value.name for value in model.graph.input], ["rained", "wind"])
        self.assertEqual([value.name for value in model.graph.output], ["probability"])

    def test_the_file_predicts_the_rule(self) -> None:
        model = ReferenceEvaluator(onnx.load_from_string(self.run_task("model.onnx")))
        dry_and_wet = {"rained": np.float32([[0], [1]]), "wind": np.float32([[2], [2]])}

        (probability,) = model.run(["probability"], dry_and_wet)

        # Right on 80 of 100 days, and the penalty pulls a little towards one half.
        np.testing.assert_allclose(probability, [[0.2], [0.8]], atol=0.03)

    def test_it_reports_how_well_it_fits(self) -> None:
        self.run_task("model.onnx")

        (metric,) = (self.folder / "metrics.jsonl").read_text().splitlines()
        self.assertEqual(json.loads(metric)["name"], "train_brier")
        self.assertAlmostEqual(json.loads(metric)["value"], 0.8 * 0.2, places=3)

    def test_the_same_rows_give_the_same_file(self) -> None:
        self.assertEqual(self.run_task("first.onnx"), self.run_task("second.onnx"))


if __name__ == "__main__":
    unittest.main()
