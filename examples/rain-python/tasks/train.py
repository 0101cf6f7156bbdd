"""Trains P(rain tomorrow) with scikit-learn and writes it as one ONNX file.

The platform says by environment variables where things are: a task may be written in any language.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

OPSET = 17


def main() -> None:
    features, x, y = read_table(Path(os.environ["TRAINYARD_INPUT_TRAIN"]))
    c = float(os.environ["TRAINYARD_PARAM_C"])
    seed = int(os.environ.get("TRAINYARD_SEED", "0"))

    # The scaler goes into the ONNX file, so whoever calls the model needs to know nothing but the features' names.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, random_state=seed)).fit(x, y)

    # How well it fits what it has seen. How good it is, is for the evaluation on later days to say.
    report("train_brier", brier_score_loss(y, model.predict_proba(x)[:, 1]))
    print(f"{len(y)} rows, {len(features)} features.")
    Path(os.environ["TRAINYARD_OUTPUT_MODEL"]).write_bytes(to_onnx(model, features).SerializeToString())


def read_table(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, features and labels of a CSV file with the columns city, event_time, …features, label."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    table = np.array([row[2:] for row in rows], dtype=float)
    return header[2:-1], table[:, :-1], table[:, -1].astype(int)


def report(name: str, value: float) -> None:
    """Appends a metric to the file in which the platform looks for them."""
    with open(os.environ["TRAINYARD_METRICS"], "a") as file:
        file.write(json.dumps({"name": name, "value": value}) + "\n")


def to_onnx(model: Pipeline, features: list[str]) -> onnx.ModelProto:
    """One float32 [N, 1] input for each feature, named as the feature; one output, `probability`, float32 [N, 1]."""
    inner = convert_sklearn(
        model,
        initial_types=[("x", FloatTensorType([None, len(features)]))],
        target_opset=OPSET,
        # Probabilities as a tensor [N, 2] rather than as a list of dictionaries.
        options={id(model): {"zipmap": False}},
    ).graph
    _label, probabilities = (output.name for output in inner.output)

    # Around it: put the columns side by side before, take the second column, P(rain), after. In a graph with a name of
    # its own, since skl2onnx gives a random one, and the same rows shall give the same file.
    column = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1])
    graph = helper.make_graph(
        [
            helper.make_node("Concat", features, ["x"], axis=1),
            *inner.node,
            helper.make_node("Gather", [probabilities, "second"], ["probability"], axis=1),
        ],
        "rain",
        [column(name) for name in features],
        [column("probability")],
        [*inner.initializer, helper.make_tensor("second", TensorProto.INT64, [1], [1])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 1)]
    whole = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="trainyard-example-rain-python")
    onnx.checker.check_model(whole, full_check=True)
    return whole


if __name__ == "__main__":
    main()
