"""How the files of a model become something that answers: called with columns by name and the number of rows."""

import importlib
import inspect
import os
import sys

import answers
import native
import texts


def load(order):
    """`order`: `loader`, the `folder` of the model's files, the names of `outputs` that are known, and what the loader needs."""
    if order.get("code"):
        sys.path.insert(0, os.path.join(order["folder"], order["code"]))
    return LOADERS[order["loader"]](order)


def of_class(order):
    """
    A class of the model's own: made with the folder, asked with `predict(columns)`, it answers columns by name. Where that is
    a generator, it is asked for one row at a time, and yields the text of its answer in parts.
    """
    module, _, name = order["entry"].partition(":")
    sys.path.insert(0, order["folder"])
    model = getattr(importlib.import_module(module), name)(order["folder"])
    if inspect.isgeneratorfunction(model.predict):
        return texts.Streaming(model.predict, order["outputs"])
    return lambda columns, rows: model.predict(columns)


def of_mlflow(order):
    """Whatever MLflow has logged, by its general flavour: what `mlflow.pyfunc.load_model(…).predict(…)` answers."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow.pyfunc
    import pandas

    model = mlflow.pyfunc.load_model(order["folder"])
    schema = model.metadata.get_input_schema()
    is_tensor = schema is not None and schema.is_tensor_spec()
    is_named = is_tensor and schema.has_input_names()

    def predict(columns, rows):
        if is_named:
            data = columns
        elif is_tensor:
            (data,) = columns.values()
        else:
            data = pandas.DataFrame(columns)
        return answers.named(model.predict(data), order["outputs"])

    return predict


LOADERS = {
    "class": of_class,
    "mlflow": of_mlflow,
    "sklearn": native.of_sklearn,
    "xgboost": native.of_xgboost,
    "lightgbm": native.of_lightgbm,
    "pytorch": native.of_pytorch,
}
