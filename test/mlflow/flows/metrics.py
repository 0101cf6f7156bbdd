"""Metrics: a thousand at once, history, what is latest, numbers that are not finite, order and repetition."""

import mlflow
import requests
from mlflow.entities import Metric
from client import pages

INFINITY = float("inf")


def flow(f):
    client = f.client
    experiment = f.experiment()
    thousand(f, experiment)
    not_finite(f, experiment)
    latest(f, experiment)
    charts(f, experiment)
    fluent(f)
    bad(f, experiment)


def new_run(f, experiment, name):
    return f.client.create_run(experiment, start_time=1, run_name=name).info.run_id


def thousand(f, experiment):
    client = f.client
    run_id = new_run(f, experiment, "thousand")
    points = [Metric(f"metric {i % 10}", i / 7, 1000 + i, i // 10) for i in range(1000)]
    f.see("1000", lambda: client.log_batch(run_id, points))
    f.see("1000 again", lambda: client.log_batch(run_id, points))
    f.see("1001", lambda: client.log_batch(run_id, points + [Metric("more", 1, 1, 1)]))
    f.see("latest of 1000", lambda: client.get_run(run_id).data.metrics)
    f.see("history", lambda: [(m.key, m.value, m.timestamp, m.step) for m in client.get_metric_history(run_id, "metric 3")])
    f.see("history of nothing", lambda: client.get_metric_history(run_id, "nothing"))
    f.see("history of no run", lambda: client.get_metric_history("0" * 32, "nothing"))
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics({f"many {i}": i for i in range(1500)}, step=3)
    f.see("1500 by the fluent call", lambda: len(client.get_run(run_id).data.metrics))


def not_finite(f, experiment):
    client = f.client
    run_id = new_run(f, experiment, "not finite")
    for i, value in enumerate([1.5, float("nan"), INFINITY, -INFINITY, 1e308, 5e-324, -0.0, 2**53 + 1.0]):
        client.log_metric(run_id, f"v{i}", value, timestamp=10, step=1)
    client.log_batch(run_id, [Metric("b0", float("nan"), 10, 1), Metric("b1", INFINITY, 10, 1), Metric("b2", -INFINITY, 10, 1)])
    f.see("not finite", lambda: client.get_run(run_id).data.metrics)
    f.see("not finite, history", lambda: [m.value for key in ("v1", "v2", "v3", "b0", "b1", "b2") for m in client.get_metric_history(run_id, key)])
    client.log_metric(run_id, "mixed", float("nan"), timestamp=10, step=2)
    client.log_metric(run_id, "mixed", -1.0, timestamp=10, step=2)
    f.see("NaN against -1 in the same place", lambda: client.get_run(run_id).data.metrics["mixed"])
    client.log_metric(run_id, "mixed", 1.0, timestamp=10, step=2)
    f.see("NaN against 1 in the same place", lambda: client.get_run(run_id).data.metrics["mixed"])
    f.see("mixed, history", lambda: sorted(str(m.value) for m in client.get_metric_history(run_id, "mixed")))


def latest(f, experiment):
    client = f.client
    run_id = new_run(f, experiment, "latest")
    for value, timestamp, step in [(1, 50, 5), (2, 60, 4), (3, 40, 5), (4, 50, 5), (2.5, 50, 5), (9, 90, -3)]:
        client.log_metric(run_id, "m", value, timestamp=timestamp, step=step)
        f.see(f"after value {value} at time {timestamp}, step {step}", lambda: client.get_run(run_id).data.metrics["m"])
    client.log_metric(run_id, "m", 4, timestamp=50, step=5)
    f.see("history in order, each once", lambda: [(m.value, m.timestamp, m.step) for m in client.get_metric_history(run_id, "m")])
    client.log_metric(run_id, "negative", 1, timestamp=0, step=-(2**40))
    f.see("great negative step", lambda: [(m.value, m.timestamp, m.step) for m in client.get_metric_history(run_id, "negative")])
    for step in (2**53 + 2, 2**53 + 1, -(2**63), 2**63 - 1):
        client.log_metric(run_id, "wide", 1, timestamp=0, step=step)
    client.log_batch(run_id, [Metric("wide batch", 1, 0, 2**53 + 1), Metric("wide batch", 1, 0, 1)])
    f.see("steps of 64 bits", lambda: [str(m.step) for key in ("wide", "wide batch") for m in client.get_metric_history(run_id, key)])
    f.see("the latest of them", lambda: [str(m.step) for m in client.get_run(run_id).data._metric_objs if m.key == "wide"])
    f.see("a step of 65 bits", lambda: client.log_metric(run_id, "wide", 1, timestamp=0, step=2**63))


def charts(f, experiment):
    """What MLflow's pages ask for a chart: no method of the client does."""
    long, repeated = new_run(f, experiment, "long"), new_run(f, experiment, "repeated")
    for start in range(0, 3000, 1000):
        f.client.log_batch(long, [Metric("m", i / 7, 1000 + i * 400, i * 2) for i in range(start, start + 1000)])
    # A run that went on from a checkpoint: some steps twice, one many times, one without a number.
    steps = [*range(0, 400), *range(300, 500), *[500] * 50]
    points = [Metric("m", i, 1000 + i, step) for i, step in enumerate(steps)]
    f.client.log_batch(repeated, [*points, Metric("m", float("nan"), 1000, 0)])

    def ask(path, **query):
        answer = requests.get(f"{mlflow.get_tracking_uri()}/ajax-api/2.0/mlflow/metrics/{path}", params=query, timeout=60)
        if answer.status_code != 200:
            return answer.status_code, answer.json()["error_code"]
        return [(m["value"], m["timestamp"], m["step"], m["run_id"]) for m in answer.json().get("metrics", [])]

    sampled, bulk = "get-history-bulk-interval", "get-history-bulk"
    for name, query in {
        "320 of each": {"max_results": 320},
        "7 of each": {"max_results": 7},
        "1 of each": {"max_results": 1},
        "all of a part": {"start_step": 298, "end_step": 303},
        "some of a part": {"start_step": 298, "end_step": 303, "max_results": 2},
        "nothing there": {"start_step": 90_000, "end_step": 90_001},
        "half a part": {"start_step": 1},
        "a part backwards": {"start_step": 2, "end_step": 1},
        "too many": {"max_results": 2501},
        "none": {"max_results": 0},
    }.items():
        f.see(f"chart, {name}", lambda: ask(sampled, run_ids=[repeated, long], metric_key="m", **query))
    f.see("chart of nothing", lambda: ask(sampled, run_ids=[long], metric_key="nothing"))
    f.see("chart of no run", lambda: ask(sampled, run_ids=["0" * 32], metric_key="m"))
    f.see("chart of no runs", lambda: ask(sampled, metric_key="m"))
    f.see("chart of no metric", lambda: ask(sampled, run_ids=[long]))
    f.see("in bulk", lambda: ask(bulk, run_id=[long], metric_key="m", max_results=5))
    f.see("in bulk, as many as there are", lambda: len(ask(bulk, run_id=[long, repeated], metric_key="m")))
    f.see("in bulk by run", lambda: [point[3] for point in ask(bulk, run_id=[repeated, long], metric_key="m")] == sorted([repeated] * 651 + [long] * 3000))
    f.see("in bulk of no runs", lambda: ask(bulk, metric_key="m"))
    f.see("in bulk of no metric", lambda: ask(bulk, run_id=[long]))


def fluent(f):
    with mlflow.start_run(run_name="fluent") as run:
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"a": 1, "b/c d": 2.5})
        if f.version >= (2, 22):
            mlflow.log_metric("later", 1.0, synchronous=False).wait()
            mlflow.log_params({"p": "1"}, synchronous=False).wait()
    f.see("fluent", lambda: f.client.get_run(run.info.run_id).data)
    f.see("fluent, history", lambda: [(m.value, m.step) for m in f.client.get_metric_history(run.info.run_id, "loss")])


def bad(f, experiment):
    client = f.client
    run_id = new_run(f, experiment, "bad")
    f.see("no number", lambda: client.log_metric(run_id, "m", "one"))
    f.see("bad key", lambda: client.log_metric(run_id, "a//b", 1))
    f.see("key of 250", lambda: client.log_metric(run_id, "k" * 250, 1))
    f.see("key of 251", lambda: client.log_metric(run_id, "k" * 251, 1))
    f.see("unicode key", lambda: client.log_metric(run_id, "größe 日本", 1))
    f.see("no such run", lambda: client.log_metric("0" * 32, "m", 1))
    f.see("negative time", lambda: client.log_metric(run_id, "m", 1, timestamp=-1))
    f.see("bad batch keeps nothing", lambda: client.log_batch(run_id, [Metric("good", 1, 1, 1), Metric("a//b", 1, 1, 1)]))
    f.see("keys", lambda: sorted(len(key) for key in client.get_run(run_id).data.metrics))
