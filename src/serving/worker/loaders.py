"""How the files of a model become something that answers: called with columns by name and the number of rows."""

import importlib
import os
import sys


def load(order):
    """`order`: `loader`, the `folder` of the model's files, `entry` of a class, and the names of `outputs` that are known."""
    return {"class": of_class, "mlflow": of_mlflow}[order["loader"]](order)


def of_class(order):
    """A class of the model's own: made with the folder, asked with `predict(columns)`, it answers columns by name."""
    module, _, name = order["entry"].partition(":")
    sys.path.insert(0, order["folder"])
    model = getattr(importlib.import_module(module), name)(order["folder"])
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
        return named(model.predict(data), order["outputs"])

    return predict


def named(answer, names):
    """What models answer: a table, one column, a dict, an array of one or two dimensions, a tensor."""
    if hasattr(answer, "columns") and hasattr(answer, "to_numpy"):
        return {str(name): answer[name].to_numpy() for name in answer.columns}
    if isinstance(answer, dict):
        return {name: plain(values) for name, values in answer.items()}
    values = plain(answer)
    width = values.shape[1] if values.ndim == 2 else 1
    if width > 1 and len(names) == width:
        return {name: values[:, at] for at, name in enumerate(names)}
    return {names[0] if len(names) == 1 else "output": values}


def plain(values):
    """As an array of numpy; a column of one value for each row has one dimension."""
    import numpy

    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if hasattr(values, "toarray"):
        values = values.toarray()
    array = numpy.asarray(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
