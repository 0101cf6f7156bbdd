"""How tritonclient[grpc] hears texts that come in parts, as one printed JSON object."""

import json
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc

client = grpc.InferenceServerClient(sys.argv[1])


def told(answer):
    result, error = answer
    if error:
        return error.message()
    response, values = result.get_response(), result.as_numpy("text_output")
    return [response.id, None if values is None else values.tolist()[0].decode(), response.parameters["triton_final_response"].bool_param]


def texts(text):
    tensor = grpc.InferInput("text_input", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode()], dtype=object))
    return [tensor]


def stream(*requests, answers, **options):
    heard = queue.Queue()
    client.start_stream(callback=lambda result, error: heard.put((result, error)))
    for id, text in requests:
        client.async_stream_infer("say", texts(text), request_id=id, **options)
    found = [told(heard.get(timeout=60)) for _ in range(answers)]
    client.stop_stream()
    return found


def about():
    return client.infer("say", texts("about")).as_numpy("text_output").tolist()[0].decode().split()


def cancelled():
    """Whether the same worker has closed one text more."""
    pid, closed = about()
    heard = queue.Queue()
    client.start_stream(callback=lambda result, error: heard.put((result, error)))
    client.async_stream_infer("say", texts("forever"))
    heard.get(timeout=60)
    client.stop_stream(cancel_requests=True)
    return about() == [pid, str(int(closed) + 1)]


print(
    json.dumps(
        {
            "decoupled": client.get_model_config("say").config.model_transaction_policy.decoupled,
            "parts": stream(("1", "a b"), ("2", "c"), answers=3),
            "with an end": stream(("3", "a"), answers=2, enable_empty_final_response=True),
            "whole": client.infer("say", texts("a b")).as_numpy("text_output").tolist()[0].decode(),
            "failed": stream(("4", "a fail"), ("5", "d"), answers=3),
            "cancelled": cancelled(),
        }
    )
)
