"""What tritonclient[http] sends and takes, each behaviour as a member of one printed JSON object."""

import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address = sys.argv[1]
client = http.InferenceServerClient(address)
based = http.InferenceServerClient(address + "/base")
wind = np.array([[2.0], [0.0]], dtype=np.float32)
rain = np.array([[1.0], [0.0]], dtype=np.float32)


def tensors(binary=True, dtype="FP32", values=(wind, rain)):
    made = []
    for name, value in zip(("wind", "rain"), values):
        tensor = http.InferInput(name, value.shape, dtype)
        tensor.set_data_from_numpy(value, binary_data=binary)
        made.append(tensor)
    return made


def outputs(result, *names):
    return [result.as_numpy(name).tolist() for name in names or ("probability", "advice", "sure")]


def refused(ask):
    try:
        ask()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return "answered"


def wanted(binary, **options):
    return [http.InferRequestedOutput(name, binary_data=binary, **options) for name in ("probability", "advice", "sure")]


def infer(**options):
    return client.infer("rain", options.pop("inputs", None) or tensors(), **options)


half = tensors(dtype="FP16", values=(wind.astype(np.float16), rain.astype(np.float16)))
wide = http.InferInput("wind", [1], "FP32")
wide.set_shared_memory("region", 4)
truncated = http.InferInput("wind", [1, 2], "FP32")
truncated.set_data_from_numpy(np.zeros((1, 2), dtype=np.float32))
missing = [np.array([[float("nan")], [0]], dtype=np.float32), rain]
many = np.zeros((3_000, 1), dtype=np.float32)

found = {
    "health": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("rain"), client.is_model_ready("rain", "9")],
    "base": [based.is_server_live(), *outputs(based.infer("rain", tensors()))],
    "server": client.get_server_metadata()["extensions"],
    "metadata": client.get_model_metadata("rain")["inputs"][0],
    "config": [client.get_model_config("rain", "1")[key] for key in ("max_batch_size", "input")],
    "binary": outputs(infer()),
    "json in": outputs(infer(inputs=tensors(binary=False))),
    "json out": outputs(infer(outputs=wanted(False))),
    "mixed": outputs(infer(inputs=[tensors()[0], tensors(binary=False)[1]], outputs=[wanted(True)[0], wanted(False)[1]]), "probability", "advice"),
    "half": outputs(infer(inputs=half), "probability"),
    "id": infer(request_id="mine").get_response()["id"],
    "version": infer(model_version="1").get_response()["model_version"],
    "classes": [outputs(infer(outputs=[http.InferRequestedOutput("probability", binary_data=binary, class_count=3)]), "probability") for binary in (True, False)],
    "gzip": outputs(infer(request_compression_algorithm="gzip", response_compression_algorithm="gzip")),
    "deflate": outputs(infer(request_compression_algorithm="deflate", response_compression_algorithm="deflate")),
    "long": [len(outputs(infer(inputs=tensors(values=(many, many)), response_compression_algorithm=how), "probability")[0]) for how in ("gzip", "deflate")],
    "parameters": outputs(infer(priority=1, timeout=1_000_000, sequence_id=7, sequence_start=True, parameters={"entity": "x"}), "advice"),
    "index": client.get_model_repository_index(),
    "stats": [(entry["name"], entry["inference_stats"]["success"]["count"] > 0, entry["inference_count"] > entry["execution_count"] > 0) for entry in client.get_inference_statistics()["model_stats"]],
    "stats of one": len(client.get_inference_statistics("rain", "1")["model_stats"]),
    "unloaded": [client.unload_model("rain"), client.is_model_ready("rain"), refused(infer)[0], client.load_model("rain"), client.is_model_ready("rain")],
    "refused": {
        "no such model": refused(lambda: client.infer("snow", tensors())),
        "slash in a name": refused(lambda: client.infer("rain/a", tensors())),
        "no such version": refused(lambda: infer(model_version="7")),
        "no such output": refused(lambda: client.infer("plain", tensors(), outputs=[http.InferRequestedOutput("snow")])),
        "shape": refused(lambda: infer(inputs=[truncated, tensors()[1]])),
        "shared memory": refused(lambda: infer(inputs=[wide, tensors()[1]])),
        "nan": refused(lambda: infer(inputs=tensors(values=missing))),
        "nan in json": refused(lambda: infer(inputs=tensors(binary=False, values=missing))),
        "trace": refused(lambda: client.get_trace_settings("rain"))[0],
        "logging": refused(lambda: client.get_log_settings())[0],
        "unknown model loads": refused(lambda: client.load_model("snow")),
        "model in a load": refused(lambda: client.load_model("rain", config="{}", files={"file:1/model.onnx": b"x"})),
    },
}
print(json.dumps(found, default=lambda value: value.decode() if isinstance(value, bytes) else str(value)))
