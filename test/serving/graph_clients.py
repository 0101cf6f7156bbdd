"""What real clients are answered by a graph, as members of one printed JSON object."""

import json
import sys

import numpy as np
import pandas
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

host, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
columns = {
    "city": np.array([["Oslo"], ["Rom"], ["Oslo"]], dtype=object),
    "wind": np.array([[2.0], [0.0], [-1.0]], dtype=np.float32),
    "rain": np.array([[1.0], [0.0], [3.0]], dtype=np.float32),
}


def ask(kind, client, **change):
    tensors = []
    for name, values in {**columns, **change}.items():
        tensor = kind.InferInput(name, list(values.shape), "BYTES" if values.dtype == object else "FP32")
        tensor.set_data_from_numpy(values)
        tensors.append(tensor)
    return client.infer("advice", tensors, request_id="mine")


def triton(kind, client):
    found = ask(kind, client)
    probability, advice = found.as_numpy("probability"), found.as_numpy("advice")
    try:
        ask(kind, client, wind=np.array([[np.nan], [0.0], [0.0]], dtype=np.float32))
        refused = "answered"
    except Exception as error:
        refused = error.message()
    return {
        "ready": client.is_model_ready("advice"),
        "probability": [round(float(value), 5) for value in probability.flatten()],
        "advice": [text.decode() for text in advice.flatten()],
        "refused": refused,
    }


def mlflow():
    client = ScoringServerClient(host, port)
    frame = pandas.DataFrame({name: values.flatten() for name, values in columns.items()})
    found = client.invoke(frame).get_predictions()
    try:
        client.invoke(frame.drop(columns="wind"))
        refused = "answered"
    except Exception as error:
        refused = str(error)
    return {
        "probability": [round(value, 5) for value in found["probability"]],
        "advice": list(found["advice"]),
        "refused": refused,
    }


http = triton_http.InferenceServerClient(f"{host}:{port}")
grpc = triton_grpc.InferenceServerClient(address)
metadata = grpc.get_model_metadata("advice", as_json=True)
print(
    json.dumps(
        {
            "platform": metadata["platform"],
            "inputs": [[tensor["name"], tensor["datatype"]] for tensor in metadata["inputs"]],
            "http": triton(triton_http, http),
            "grpc": triton(triton_grpc, grpc),
            "mlflow": mlflow(),
        }
    )
)
