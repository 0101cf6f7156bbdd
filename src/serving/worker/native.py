"""
Models of frameworks by their own packages, without MLflow: each answers what MLflow's general flavour of it answers. Called
as `order` says: the `folder` of the model's files, `file` in it, the class `entry`, the method `call`, names of `outputs`.
"""

import importlib.util
import os
import warnings

import answers


def of_sklearn(order):
    """Pickled by pickle, cloudpickle or joblib, or as skops has it."""
    return asked_by_name(unpickled(order), order)


def of_xgboost(order):
    import xgboost

    model = open_xgboost(order)
    if not isinstance(model, xgboost.Booster):
        return asked_by_name(model, order)
    names = model.feature_names

    def predict(columns, rows):
        return answers.named(model.predict(xgboost.DMatrix(table(columns, names), feature_names=names)), order["outputs"])

    return predict


def of_lightgbm(order):
    import lightgbm

    model = open_lightgbm(order)
    if not isinstance(model, lightgbm.Booster):
        return asked_by_name(model, order)
    names = model.feature_name()
    return lambda columns, rows: answers.named(model.predict(table(columns, names)), order["outputs"])


def open_xgboost(order):
    import xgboost

    model = getattr(xgboost, order.get("entry", "Booster").rpartition(".")[2])()
    model.load_model(path_of(order))
    return model


def open_lightgbm(order):
    import lightgbm

    is_booster = order.get("entry", "Booster").rpartition(".")[2] == "Booster"
    return lightgbm.Booster(model_file=path_of(order)) if is_booster else unpickled(order)


def of_pytorch(order):
    """A module that was saved whole, TorchScript, or what torch.export has saved; it gets one matrix of 32-bit numbers."""
    import numpy
    import torch

    torch.set_num_threads(1)
    path = path_of(order)
    if os.path.isdir(path):
        (path,) = [os.path.join(path, name) for name in os.listdir(path) if name.endswith((".pth", ".pt2"))]
    if path.endswith(".pt2"):
        model = torch.export.load(path).module()
    else:
        warnings.filterwarnings("ignore", message=".*TorchScript archive")  # which torch.load takes, too
        model = torch.load(path, map_location="cpu", weights_only=False)
        if isinstance(model, dict):
            raise TypeError("%s holds weights alone; allowed: a whole module, TorchScript or torch.export" % order["file"])
        model.eval()

    def predict(columns, rows):
        with torch.inference_mode():
            return answers.named(model(torch.from_numpy(matrix(columns, numpy.float32))), order["outputs"])

    return predict


def asked_by_name(model, order):
    """What takes tables, as scikit-learn's estimators do: with names, where it has been fitted with names."""
    call = getattr(model, order.get("call", "predict"))
    names = list(getattr(model, "feature_names_in_", []))
    is_named = len(names) > 0 and has_pandas()
    # Of a model that was fitted with a matrix and now gets columns: they are in the order of its signature.
    warnings.filterwarnings("ignore", message="X (has|does not have valid) feature names")
    return lambda columns, rows: answers.named(call(table(columns, names, is_named)), order["outputs"])


def table(columns, names, is_named=False):
    """The columns that a model knows, in its order; all in that of the signature, where it has fewer or other names."""
    if names and all(name in columns for name in names):
        columns = {name: columns[name] for name in names}
    if is_named or (has_pandas() and any(column.dtype == object for column in columns.values())):
        import pandas

        return pandas.DataFrame(columns)
    return matrix(columns)


def matrix(columns, dtype=None):
    import numpy

    values = numpy.column_stack(list(columns.values()))
    return values if dtype is None else numpy.ascontiguousarray(values, dtype=dtype)


def has_pandas():
    return importlib.util.find_spec("pandas") is not None


def unpickled(order):
    path = path_of(order)
    if order.get("format") == "skops":
        import skops.io

        return skops.io.load(path, trusted=order.get("trusted", []))
    import joblib

    return joblib.load(path)


def path_of(order):
    return os.path.join(order["folder"], order["file"])
