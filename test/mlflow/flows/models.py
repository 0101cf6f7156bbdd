"""Models: logged, loaded in every way, registered while logging; logged models of 3.x with their params, tags and metrics."""

import mlflow
import pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

ROWS = pandas.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
ANSWERS = [0, 0, 1, 1]


def flow(f):
    experiment = f.experiment()
    model = LogisticRegression().fit(ROWS, ANSWERS)
    where = {"name": "model"} if f.version >= (3, 0) else {"artifact_path": "model"}
    # What the client would have to ask an index for is given.
    extra = {"pip_requirements": ["scikit-learn"]}
    if f.version >= (3, 8):
        extra["serialization_format"] = "pickle"
    with mlflow.start_run(run_name="trained", tags={"mlflow.source.name": "train.py"}) as run:
        mlflow.log_metric("accuracy", 0.75)
        mlflow.log_metric("accuracy", 0.875, step=1)
        info = mlflow.sklearn.log_model(model, **where, **extra, signature=infer_signature(ROWS, model.predict(ROWS)),
                                        input_example=ROWS.head(1), registered_model_name=f.name("registered"))
    run_id = run.info.run_id
    f.see("info", lambda: {"uri": info.model_uri, "flavors": sorted(info.flavors), "signature": info.signature.to_dict(),
                           "version": getattr(info, "registered_model_version", None)})
    for what, uri in {"what was logged": info.model_uri, "run": f"runs:/{run_id}/model", "version": f"models:/{f.name('registered')}/1",
                      "latest": f"models:/{f.name('registered')}/latest"}.items():
        f.see(f"loaded by {what}", lambda: mlflow.pyfunc.load_model(uri).predict(ROWS))
    f.see("loaded, native", lambda: mlflow.sklearn.load_model(info.model_uri).predict(ROWS))
    f.see("no version", lambda: mlflow.pyfunc.load_model(f"models:/{f.name('registered')}/9"))
    f.see("no model", lambda: mlflow.pyfunc.load_model(f"models:/{f.name('nothing')}/1"))
    f.see("no stage", lambda: mlflow.pyfunc.load_model(f"models:/{f.name('registered')}/Production"))
    f.see("no alias", lambda: mlflow.pyfunc.load_model(f"models:/{f.name('registered')}@champion"))
    f.see("no such run", lambda: mlflow.pyfunc.load_model(f"runs:/{'0' * 32}/model"))
    f.see("nothing there", lambda: mlflow.pyfunc.load_model(f"runs:/{run_id}/other"))
    f.see("signature", lambda: mlflow.models.get_model_info(info.model_uri).signature.to_dict())
    f.see("files", lambda: sorted(i.path for i in mlflow.artifacts.list_artifacts(artifact_uri=info.model_uri)))
    f.see("files by run", lambda: sorted(i.path for i in f.client.list_artifacts(run_id, "model")))
    f.see("root of the run", lambda: sorted(i.path for i in f.client.list_artifacts(run_id)))
    f.see("the run", lambda: f.client.get_run(run_id).outputs if f.version >= (3, 0) else
          "model" in f.client.get_run(run_id).data.tags["mlflow.log-model.history"])
    f.see("registered", lambda: mlflow.register_model(f"runs:/{run_id}/model", f.name("by run")))
    f.see("registered again", lambda: mlflow.register_model(f"runs:/{run_id}/model", f.name("by run"), tags={"a": "b"}).version)
    f.see("loaded by alias", lambda: by_alias(f))
    f.see("registered from nothing", lambda: mlflow.register_model(f"runs:/{run_id}/nothing", f.name("by run")))
    f.see("its version", lambda: f.client.get_model_version(f.name("registered"), "1"))
    f.see("download uri", lambda: type(f.client.get_model_version_download_uri(f.name("registered"), "1")))
    if f.version >= (3, 0):
        logged_models(f, experiment, run_id, info)


def by_alias(f):
    f.client.set_registered_model_alias(f.name("by run"), "champion", "2")
    return mlflow.pyfunc.load_model(f"models:/{f.name('by run')}@champion").predict(ROWS)


def logged_models(f, experiment, run_id, info):
    client = f.client
    found = client.get_logged_model(info.model_id)
    f.see("logged model", lambda: {**found.to_dictionary(), "tags": sorted(found.tags)})
    f.see("unknown", lambda: client.get_logged_model("m-" + "0" * 32))
    made = mlflow.create_external_model(name="external", source_run_id=run_id, params={"p": "1"}, tags={"t": "x"}, model_type="agent")
    f.see("external", lambda: client.get_logged_model(made.model_id).to_dictionary())
    other = mlflow.initialize_logged_model(name="other", params={"p": "2"}, tags={"t": "y"}, model_type="agent")
    f.see("pending", lambda: client.get_logged_model(other.model_id).status)
    f.see("failed", lambda: mlflow.finalize_logged_model(other.model_id, "FAILED").status)
    f.see("ready", lambda: mlflow.finalize_logged_model(other.model_id, "READY").status)
    f.see("no name", lambda: client.get_logged_model(mlflow.initialize_logged_model().model_id).name)
    for name in ["a/b", "a:b", "a.b", "a%b", "", "größe", "n" * 256, "n" * 500]:
        f.see(f"name {name[:20]!r} of {len(name)}", lambda: mlflow.initialize_logged_model(name=name).name)
    f.see("tags", lambda: mlflow.set_logged_model_tags(other.model_id, {"t": "z", "größe": "ü", "n": 5}))
    f.see("tag deleted", lambda: client.delete_logged_model_tag(other.model_id, "n"))
    f.see("tag deleted again", lambda: client.delete_logged_model_tag(other.model_id, "n"))
    f.see("after", lambda: client.get_logged_model(other.model_id).tags)
    f.see("params", lambda: mlflow.log_model_params({"q": "v" * 7000, "r": 2}, model_id=other.model_id))
    f.see("params again", lambda: mlflow.log_model_params({"r": 3}, model_id=other.model_id))
    f.see("params after", lambda: {k: len(v) for k, v in client.get_logged_model(other.model_id).params.items()})
    with mlflow.start_run(run_id=run_id):
        data = mlflow.data.from_pandas(ROWS, name="rows")
        for step, value in enumerate([0.5, 0.9, 0.7]):
            mlflow.log_metric("f1", value, step=step, model_id=made.model_id, dataset=data)
            client.log_metric(run_id, "loss", 1 - value, step=step, timestamp=step, model_id=other.model_id)
        mlflow.log_metrics({"f1": 0.3}, step=1, model_id=other.model_id)
    f.see("metrics", lambda: [{**m.to_dictionary(), "timestamp": None} for m in client.get_logged_model(made.model_id).metrics])
    f.see("model inputs", lambda: sorted(i.model_id in (made.model_id, other.model_id) for i in client.get_run(run_id).inputs.model_inputs))
    f.see("dataset inputs", lambda: client.get_run(run_id).inputs.dataset_inputs)
    searched(f, experiment, made, other)
    f.see("deleted", lambda: client.delete_logged_model(other.model_id))
    f.see("deleted, got", lambda: client.get_logged_model(other.model_id).model_id)
    f.see("deleted again", lambda: client.delete_logged_model(other.model_id))
    f.see("deleted, found", lambda: sorted(m.name for m in mlflow.search_logged_models([experiment], output_format="list") if not m.name.count("-")))


FILTERS = ["name = 'external'", "name != 'external'", "name LIKE 'ext%'", "name ILIKE 'EXT%'", "name IN ('external', 'other')", "name NOT IN ('external')",
           "model_type = 'agent'", "attributes.model_type = 'agent' AND params.p = '1'", "tags.t = 'x'", "tags.t != 'x'", "tags.`größe` LIKE 'ü'", "tags.t IN ('x','q')",
           "params.p = '2'", "params.p LIKE '_'", "metrics.f1 > 0.8", "metrics.f1 < 0.4", "metrics.f1 >= 0.3 AND name = 'other'", "metrics.loss > 0.2",
           "creation_timestamp > 0", "creation_time > 0", "last_updated_timestamp < 1000", "colour = 'x'", "name = \"external\"", "name > 'a'", "metrics.f1 = 'x'", "name LIKE",
           "attribute.name = 'external'", "metric.f1 > 0.8", "source_run_id = 'x'", "name = 'external' OR name = 'other'"]
ORDERS = [[{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.f1", "ascending": True}, {"field_name": "name"}],
          [{"field_name": "metrics.f1", "ascending": False}, {"field_name": "name"}], [{"field_name": "creation_timestamp"}], [{"field_name": "creation_time", "ascending": False}],
          [{"field_name": "last_updated_timestamp"}], [{"field_name": "colour"}], [{"field_name": "params.p"}],
          [{"field_name": "metrics.f1", "ascending": False, "dataset_name": "rows"}, {"field_name": "name"}], [{"name": "x"}]]


def searched(f, experiment, made, other):
    named = lambda models: [m.name for m in models if m.name in ("external", "other", "model")]
    search = lambda **arguments: mlflow.search_logged_models([experiment], output_format="list", **arguments)
    for text in FILTERS:
        f.see(f"filter {text}", lambda: sorted(set(named(search(filter_string=text)))))
    for order in ORDERS:
        f.see(f"order {order}", lambda: named(search(order_by=order, filter_string="name IN ('external', 'other', 'model')")))
    f.see("of a dataset", lambda: sorted(set(named(search(datasets=[{"dataset_name": "rows", "dataset_digest": mlflow.data.from_pandas(ROWS, name='rows').digest}])))))
    f.see("metric on a dataset", lambda: sorted(set(named(search(filter_string="metrics.f1 > 0.1", datasets=[{"dataset_name": "rows", "dataset_digest": mlflow.data.from_pandas(ROWS, name='rows').digest}])))))
    f.see("at most 1", lambda: len(search(max_results=1)))
    f.see("as a table", lambda: sorted(mlflow.search_logged_models([experiment]).columns))
    f.see("in no experiment", lambda: mlflow.search_logged_models(["987654321"], output_format="list"))
    page = f.client.search_logged_models([experiment], max_results=2, order_by=[{"field_name": "name"}])
    f.see("second page", lambda: len(f.client.search_logged_models([experiment], max_results=2, order_by=[{"field_name": "name"}], page_token=page.token)))
    f.see("page of another search", lambda: f.client.search_logged_models([experiment], max_results=2, filter_string="name = 'x'", page_token=page.token))
