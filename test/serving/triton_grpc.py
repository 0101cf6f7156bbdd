"""What tritonclient[grpc] sends and takes, each behaviour as a member of one printed JSON object."""

import json
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
from tritonclient.grpc import service_pb2 as wire
from tritonclient.utils import InferenceServerException

address = sys.argv[1]
client = grpc.InferenceServerClient(address)
wind = np.array([[2.0], [0.0]], dtype=np.float32)
rain = np.array([[1.0], [0.0]], dtype=np.float32)
names = ("probability", "advice", "sure")


def tensors(values=(wind, rain)):
    made = []
    for name, value in zip(("wind", "rain"), values):
        tensor = grpc.InferInput(name, value.shape, "FP32")
        tensor.set_data_from_numpy(value)
        made.append(tensor)
    return made


def outputs(result, *wanted):
    return [result.as_numpy(name).tolist() for name in wanted or names]


def refused(ask):
    try:
        ask()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return "answered"


def infer(**options):
    return client.infer("rain", options.pop("inputs", None) or tensors(), **options)


def typed():
    request = wire.ModelInferRequest(model_name="rain")
    for name, values in (("wind", [2, 0]), ("rain", [1, 0])):
        tensor = request.inputs.add(name=name, datatype="INT64", shape=[2])
        tensor.contents.int64_contents.extend(values)
    answer = client._client_stub.ModelInfer(request)
    return [len(answer.raw_output_contents), list(answer.outputs[0].contents.fp32_contents), [text.decode() for text in answer.outputs[1].contents.bytes_contents], list(answer.outputs[2].contents.bool_contents)]


def streamed():
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put(error.message() if error else [result.get_response().id, result.as_numpy("probability").tolist()[0][0]]))
    for i in range(200):
        value = np.array([[np.nan if i == 7 else i]], dtype=np.float32)
        client.async_stream_infer("rain", tensors((value, np.array([[i]], dtype=np.float32))), request_id=str(i))
    client.stop_stream()
    found = [answers.get() for _ in range(200)]
    return {"in order": [answer[0] for answer in found if isinstance(answer, list)] == [str(i) for i in range(200) if i != 7], "refused": found[7], "values": sorted({answer[1] for answer in found if isinstance(answer, list)})}


many = np.zeros((3_000, 1), dtype=np.float32)
found = {
    "health": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("rain"), client.is_model_ready("rain", "9")],
    "server": list(client.get_server_metadata().extensions),
    "metadata": client.get_model_metadata("rain", as_json=True)["inputs"][0],
    "config": client.get_model_config("rain", as_json=True)["config"],
    "infer": outputs(infer()),
    "some": outputs(infer(outputs=[grpc.InferRequestedOutput("advice")]), "advice"),
    "classes": outputs(infer(outputs=[grpc.InferRequestedOutput("probability", class_count=3)]), "probability"),
    "id": infer(request_id="mine").get_response().id,
    "version": infer(model_version="1").get_response().model_version,
    "options": outputs(infer(priority=1, timeout=1_000_000, sequence_id=7, client_timeout=10, compression_algorithm="gzip", parameters={"entity": "x"}), "advice"),
    "rows": len(outputs(infer(inputs=tensors((many, many))), "probability")[0]),
    "typed": typed(),
    "stream": streamed(),
    "index": client.get_model_repository_index(as_json=True)["models"],
    "stats": client.get_inference_statistics("rain", as_json=True)["model_stats"][0]["name"],
    "unloaded": [client.unload_model("rain"), client.is_model_ready("rain"), refused(infer)[0], client.load_model("rain"), client.is_model_ready("rain")],
}
refusals = {
    "no such model": refused(lambda: client.infer("snow", tensors())),
    "no such version": refused(lambda: infer(model_version="7")),
    "no such output": refused(lambda: client.infer("plain", tensors(), outputs=[grpc.InferRequestedOutput("snow")])),
    "nan": refused(lambda: infer(inputs=tensors((np.array([[np.nan], [0]], dtype=np.float32), rain)))),
    "trace": refused(lambda: client.get_trace_settings("rain"))[0],
    "model in a load": refused(lambda: client.load_model("rain", config="{}")),
}
print(json.dumps({"found": found, "refused": refusals}, default=lambda value: value.decode() if isinstance(value, bytes) else str(value)))
