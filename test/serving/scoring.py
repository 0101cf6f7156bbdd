"""MLflow's scoring client and KServe's client against one server, as members of one printed JSON object."""

import asyncio
import json
import sys

import numpy
import pandas
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

host, port = sys.argv[1], int(sys.argv[2])
url = f"http://{host}:{port}"
frame = pandas.DataFrame({"rain": [1.0, 0.0], "note": ["a", "b"], "wind": [2.0, 0.0]})


def mlflow():
    client = ScoringServerClient(host, port)
    client.wait_server_ready(timeout=10, scoring_server_proc=type("Running", (), {"poll": lambda self: None})())
    try:
        client.invoke(frame.drop(columns="wind"))
        refused = "answered"
    except Exception as error:
        refused = str(error)
    return {
        "frame": client.invoke(frame).get_predictions().to_dict("list"),
        "params": client.invoke(frame, params={"entity": "x"}).get_predictions().to_dict("list"),
        "lists": client.invoke([[2, 1], [0, 0]]).get_predictions().to_dict("list"),
        "refused": refused,
    }


async def kserve():
    first = InferenceRESTClient(config=RESTConfig(protocol="v1", retries=0))
    second = InferenceRESTClient(config=RESTConfig(protocol="v2", retries=0))
    inputs = []
    for name, values in (("wind", [2.0, 0.0]), ("rain", [1.0, 0.0])):
        tensor = InferInput(name=name, shape=[2, 1], datatype="FP32")
        tensor.set_data_from_numpy(numpy.array([[value] for value in values], dtype="float32"), binary_data=name == "wind")
        inputs.append(tensor)
    answer = await second.infer(url, InferRequest(model_name="rain", infer_inputs=inputs, request_id="mine"), model_name="rain")
    third = InferenceGRPCClient(sys.argv[3])
    for tensor in inputs:
        tensor.set_data_from_numpy(tensor.as_numpy(), binary_data=True)
    called = await third.infer(InferRequest(model_name="rain", infer_inputs=inputs, request_id="mine"))
    return {
        "grpc": [called.id, [output.as_numpy().tolist() for output in called.outputs]],
        "grpc ready": [await third.is_server_ready(), await third.is_server_live(), await third.is_model_ready("rain")],
        "v1": (await first.infer(url, {"instances": [[2, 1], [0, 0]]}, model_name="rain"))["predictions"],
        "v1 ready": await first.is_model_ready(url, "rain"),
        "v2": [answer.id, [output.as_numpy().tolist() for output in answer.outputs]],
        "v2 ready": [await second.is_server_ready(url), await second.is_server_live(url), await second.is_model_ready(url, "rain")],
    }


print(json.dumps({"mlflow": mlflow(), "kserve": asyncio.run(kserve())}, default=bytes.decode))
