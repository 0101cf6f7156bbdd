"""Runs: made, nested, ended, renamed, their params and tags, deleted, restored."""

import mlflow
from mlflow.entities import Metric, Param, RunTag


def flow(f):
    client = f.client
    experiment = f.experiment()
    with mlflow.start_run(run_name="parent", tags={"a": "1"}, description="What it is.") as parent:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.5, "name": "ü", "none": None, "list": [1, 2]})
        mlflow.set_tags({"b": "2", "empty": "", "ключ": "значение"})
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("score", 0.5)
            with mlflow.start_run(run_name="grandchild", nested=True):
                mlflow.log_metric("score", 0.25, step=2)
        mlflow.set_tag("c", 3)
        mlflow.delete_tag("a")
    f.see("parent", lambda: client.get_run(parent.info.run_id))
    f.see("child", lambda: client.get_run(child.info.run_id))
    f.see("children", lambda: [r.data.metrics for r in client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")])
    f.see("resumed", lambda: resumed(parent.info.run_id))
    f.see("after resuming", lambda: client.get_run(parent.info.run_id).info.status)
    f.see("last run", lambda: mlflow.search_runs([experiment], output_format="list")[0].info.run_name)
    f.see("as a table", lambda: dict(mlflow.search_runs([experiment], "attributes.run_name = 'parent'").drop(
        columns=["start_time", "end_time"]).iloc[0].to_dict()))
    failing(f)
    created(f, experiment)
    params(f, experiment)
    tags(f, experiment)
    batches(f, experiment)
    deleted(f, experiment)


def resumed(run_id):
    with mlflow.start_run(run_id=run_id) as run:
        mlflow.log_metric("again", 1)
        return mlflow.get_run(run.info.run_id).info.status


def failing(f):
    try:
        with mlflow.start_run(run_name="fails") as run:
            raise ValueError("as planned")
    except ValueError:
        pass
    f.see("failed", lambda: f.client.get_run(run.info.run_id).info.status)
    mlflow.start_run(run_name="killed")
    mlflow.end_run("KILLED")
    f.see("killed", lambda: mlflow.last_active_run().info.status)


def created(f, experiment):
    client = f.client
    f.see("created", lambda: client.create_run(experiment, start_time=5, run_name="made", tags={"x": "y"}))
    f.see("name from tag", lambda: client.create_run(experiment, start_time=5, tags={"mlflow.runName": "tagged"}).info.run_name)
    f.see("both names", lambda: client.create_run(experiment, run_name="a", tags={"mlflow.runName": "b"}))
    f.see("same names", lambda: client.create_run(experiment, run_name="a", tags={"mlflow.runName": "a"}).info.run_name)
    f.see("no name", lambda: client.create_run(experiment, start_time=5))
    f.see("no experiment", lambda: client.create_run("987654321"))
    f.see("no such run", lambda: client.get_run("0" * 32))
    f.see("no run id", lambda: client.get_run("../x"))
    run_id = client.create_run(experiment, start_time=7, run_name="updated").info.run_id
    f.see("terminated", lambda: client.set_terminated(run_id, "FAILED", end_time=9))
    f.see("after", lambda: client.get_run(run_id).info)
    if hasattr(client, "update_run"):
        f.see("updated", lambda: client.update_run(run_id, status="SCHEDULED", name="other name"))
        f.see("after update", lambda: client.get_run(run_id))
    f.see("renamed by tag", lambda: client.set_tag(run_id, "mlflow.runName", "third name"))
    f.see("third name", lambda: client.get_run(run_id).info.run_name)
    f.see("status not known", lambda: client.set_terminated(run_id, "SLEEPING"))


def params(f, experiment):
    client = f.client
    run_id = client.create_run(experiment, start_time=10, run_name="params").info.run_id
    client.log_param(run_id, "a", 1)
    f.see("same again", lambda: client.log_param(run_id, "a", "1"))
    f.see("changed", lambda: client.log_param(run_id, "a", "2"))
    f.see("changed, in the fluent words", lambda: changed_fluently(run_id))
    f.see("empty value", lambda: client.log_param(run_id, "empty", ""))
    f.see("6000 characters", lambda: client.log_param(run_id, "long", "v" * 6000))
    f.see("6001 characters", lambda: client.log_param(run_id, "longer", "v" * 6001))
    f.see("key of 250", lambda: client.log_param(run_id, "k" * 250, "v"))
    f.see("key of 251", lambda: client.log_param(run_id, "k" * 251, "v"))
    for key in ["a/b", "with space", "a.b-c_d", "a:b", "größe", "🌧", "日本", "a//b", "/a", "a/", "../a", "a/../b", ".", "", "a,b", "a=b", "a\\b", "a'b", "a%20b"]:
        f.see(f"key {key!r}", lambda: client.log_param(run_id, key, "v"))
    f.see("no such run, param", lambda: client.log_param("0" * 32, "a", "1"))
    f.see("params", lambda: {key: value[:20] + f"… {len(value)}" for key, value in client.get_run(run_id).data.params.items()})


def changed_fluently(run_id):
    with mlflow.start_run(run_id=run_id):
        mlflow.log_params({"new": 1, "a": 2})


def tags(f, experiment):
    client = f.client
    run_id = client.create_run(experiment, start_time=11, run_name="tags").info.run_id
    client.set_tag(run_id, "a", "1")
    f.see("overwritten", lambda: client.set_tag(run_id, "a", "2"))
    f.see("tag of 5000", lambda: client.set_tag(run_id, "long", "v" * 5000))
    f.see("tag of 8000", lambda: client.set_tag(run_id, "longer", "v" * 8000))
    f.see("tag of 8001", lambda: client.set_tag(run_id, "longest", "v" * 8001))
    f.see("tag key of 251", lambda: client.set_tag(run_id, "k" * 251, "v"))
    f.see("tag key a//b", lambda: client.set_tag(run_id, "a//b", "v"))
    f.see("tag deleted", lambda: client.delete_tag(run_id, "a"))
    f.see("tag deleted again", lambda: client.delete_tag(run_id, "a"))
    f.see("newlines and quotes", lambda: client.set_tag(run_id, "text", "a\nb\t\"c\" 'd' \\e 🌧"))
    f.see("tags", lambda: {key: value if len(value) < 100 else len(value) for key, value in client.get_run(run_id).data.tags.items()})


def batches(f, experiment):
    client = f.client
    run_id = client.create_run(experiment, start_time=12, run_name="batch").info.run_id
    points = [Metric("m", 1.0, 1000, 0), Metric("m", 2.0, 1001, 1)]
    f.see("batch", lambda: client.log_batch(run_id, points, [Param("p", "1")], [RunTag("t", "1")]))
    f.see("batch again", lambda: client.log_batch(run_id, points, [Param("p", "1")], [RunTag("t", "2")]))
    f.see("empty batch", lambda: client.log_batch(run_id))
    f.see("conflict", lambda: client.log_batch(run_id, [Metric("n", 1, 1, 1)], [Param("p", "2")], [RunTag("u", "1")]))
    f.see("twice in a batch", lambda: client.log_batch(run_id, params=[Param("q", "1"), Param("q", "1")]))
    f.see("twice with other values", lambda: client.log_batch(run_id, params=[Param("q", "1"), Param("q", "2")]))
    f.see("tag twice", lambda: client.log_batch(run_id, tags=[RunTag("v", "1"), RunTag("v", "2")]))
    f.see("one bad key", lambda: client.log_batch(run_id, params=[Param("good", "1"), Param("//", "1")]))
    f.see("101 params", lambda: client.log_batch(run_id, params=[Param(f"p{i}", "1") for i in range(101)]))
    f.see("101 tags", lambda: client.log_batch(run_id, tags=[RunTag(f"t{i}", "1") for i in range(101)]))
    f.see("batch to nothing", lambda: client.log_batch("0" * 32, points))
    f.see("batched", lambda: client.get_run(run_id).data)


def deleted(f, experiment):
    client = f.client
    run_id = client.create_run(experiment, start_time=13, run_name="deleted").info.run_id
    f.see("deleted", lambda: client.delete_run(run_id))
    f.see("deleted again", lambda: client.delete_run(run_id))
    f.see("got", lambda: client.get_run(run_id).info.lifecycle_stage)
    f.see("param", lambda: client.log_param(run_id, "a", 1))
    f.see("metric", lambda: client.log_metric(run_id, "a", 1))
    f.see("tag", lambda: client.set_tag(run_id, "a", 1))
    f.see("batch to deleted", lambda: client.log_batch(run_id, [Metric("m", 1, 1, 1)]))
    f.see("terminate deleted", lambda: client.set_terminated(run_id))
    f.see("start deleted", lambda: mlflow.start_run(run_id=run_id))
    f.see("found", lambda: [r.info.run_name for r in client.search_runs([experiment], "run_name = 'deleted'")])
    f.see("found in trash", lambda: [r.info.run_name for r in client.search_runs([experiment], run_view_type=2)])
    f.see("restored", lambda: client.restore_run(run_id))
    f.see("restored again", lambda: client.restore_run(run_id))
    f.see("writes again", lambda: client.log_param(run_id, "a", 1))
    f.see("delete unknown", lambda: client.delete_run("0" * 32))
