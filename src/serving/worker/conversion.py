"""Writes a model of scikit-learn, XGBoost or LightGBM as an ONNX file that takes and gives what the model does."""

import os
import sys

import native

MATRIX = "trainyard/matrix"
OPSET = 17  # of what is put around a converted model


def convert(order):
    """`order` as a loader has it, with `inputs` and `known`, the only output: each has a `name` and a `datatype`, this one a `width`."""
    if order.get("code"):
        sys.path.insert(0, os.path.join(order["folder"], order["code"]))
    (output,) = order["known"]
    inputs = order["inputs"]
    if order["loader"] == "sklearn":
        model = native.unpickled(order)
        if any(column["datatype"] == "BYTES" for column in inputs):
            return of_columns(model, order, output).SerializeToString()
        inner, own = of_sklearn(model), list(getattr(model, "feature_names_in_", []))
    else:
        inner, own = CONVERTERS[order["loader"]](order)
    names = in_order(own, inputs)
    return around(inner, inputs, names, asked(inner, order, output), output).SerializeToString()


def of_sklearn(model):
    """In the precision of the model, where ONNX's operators have it: trees are compared in 32 bits."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    def typed(kind):
        width = getattr(model, "n_features_in_")
        return to_onnx(model, initial_types=[(MATRIX, kind([None, width]))], options=without_maps(model))

    exact = typed(DoubleTensorType)
    has_trees = any(node.op_type.startswith("TreeEnsemble") for node in exact.graph.node)
    return typed(FloatTensorType) if has_trees else exact


def of_columns(model, order, output):
    """A model that takes a table with texts: each column is an input of its own."""
    from skl2onnx import to_onnx
    from skl2onnx.common import data_types

    kinds = {
        "FP64": data_types.DoubleTensorType,
        "FP32": data_types.FloatTensorType,
        "INT64": data_types.Int64TensorType,
        "INT32": data_types.Int32TensorType,
        "BOOL": data_types.BooleanTensorType,
        "BYTES": data_types.StringTensorType,
    }
    types = [(column["name"], kinds[column["datatype"]]([None, 1])) for column in order["inputs"]]
    converted = to_onnx(model, initial_types=types, options=without_maps(model))
    tail, result = finish(asked(converted, order, output), output)
    converted.graph.node.extend(tail)
    del converted.graph.output[:]
    converted.graph.output.append(result)
    return converted


def without_maps(model):
    return {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None


def of_xgboost(order):
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = native.open_xgboost(order)
    booster = model if type(model).__name__ == "Booster" else model.get_booster()
    names, booster.feature_names = booster.feature_names, None  # the converter knows columns by number alone
    types = [(MATRIX, FloatTensorType([None, booster.num_features()]))]
    return convert_xgboost(model, initial_types=types), names


def of_lightgbm(order):
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = native.open_lightgbm(order)
    booster = model if type(model).__name__ == "Booster" else model.booster_
    types = [(MATRIX, FloatTensorType([None, booster.num_feature()]))]
    return convert_lightgbm(model, initial_types=types, zipmap=False), booster.feature_name()


CONVERTERS = {"xgboost": of_xgboost, "lightgbm": of_lightgbm}


def in_order(own, inputs):
    """The columns as the model takes them: by its own names, where those are the signature's."""
    given = [column["name"] for column in inputs]
    return own if own and all(name in given for name in own) else given


def asked(model, order, output):
    """The output of a converted model that has what is asked of it, and the column of it, where it has one too many."""
    names = [value.name for value in model.graph.output]
    if len(names) == 1:
        return names[0], None
    is_booster = order.get("entry", "").endswith("Booster") or (order["loader"] != "sklearn" and "entry" not in order)
    if is_booster:  # of two classes it answers the probability of the second
        return names[1], 1 if output["width"] == 1 else None
    return names[1 if order.get("call") == "predict_proba" else 0], None


def around(inner, inputs, names, source, output):
    """The converted model behind a graph that makes one matrix of the columns, as the signature has them."""
    from onnx import helper

    graph = inner.graph
    (matrix,) = graph.input
    element = matrix.type.tensor_type.elem_type
    columns = [helper.make_node("Cast", [name], ["trainyard/column/" + name], to=element) for name in names]
    joined = helper.make_node("Concat", ["trainyard/column/" + name for name in names], [matrix.name], axis=1)
    tail, result = finish(source, output)
    whole = helper.make_graph(
        [*columns, joined, *graph.node, *tail],
        "model",
        [helper.make_tensor_value_info(each["name"], elements()[each["datatype"]], ["N", 1]) for each in inputs],
        [result],
        initializer=list(graph.initializer),
    )
    opsets = {each.domain: each.version for each in inner.opset_import}
    if all(node.domain == "ai.onnx.ml" for node in graph.node):
        opsets[""] = OPSET  # else the meaning of its operators goes with the version that they were written for
    return helper.make_model(
        whole,
        ir_version=max(8, inner.ir_version),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
    )


def finish(source, output):
    """Nodes that give the output the name, type and width that the model's answers have, and its description."""
    from onnx import helper

    (name, column), width = source, output["width"]
    nodes = []

    def constant(name, values):
        value = helper.make_tensor(name, elements()["INT64"], [len(values)], values)
        nodes.append(helper.make_node("Constant", [], [name], value=value))
        return name

    if column is not None:
        index = constant("trainyard/index", [column])
        nodes.append(helper.make_node("Gather", [name, index], ["trainyard/one"], axis=1))
        name = "trainyard/one"
    element = elements()[output["datatype"]]
    if output["datatype"] != "BYTES":
        nodes.append(helper.make_node("Cast", [name], ["trainyard/cast"], to=element))
        name = "trainyard/cast"
    nodes.append(helper.make_node("Reshape", [name, constant("trainyard/shape", [-1, width])], [output["name"]]))
    return nodes, helper.make_tensor_value_info(output["name"], element, ["N", width])


def elements():
    """ONNX's element types by the datatypes of the protocol."""
    from onnx import TensorProto

    return {
        "FP32": TensorProto.FLOAT,
        "FP64": TensorProto.DOUBLE,
        "INT64": TensorProto.INT64,
        "INT32": TensorProto.INT32,
        "BOOL": TensorProto.BOOL,
        "BYTES": TensorProto.STRING,
    }
