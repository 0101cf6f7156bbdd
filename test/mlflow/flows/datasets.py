"""Datasets as inputs of runs, of every kind that needs nothing else; filters over them."""

import mlflow
import numpy
import pandas
from mlflow.entities import Dataset, DatasetInput, InputTag

ROWS = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, 1.5, 2.5]})


def flow(f):
    experiment = f.experiment()
    source = f.folder / "rows.csv"
    ROWS.to_csv(source, index=False)
    with mlflow.start_run(run_name="one") as one:
        mlflow.log_input(mlflow.data.from_pandas(ROWS, source="https://example.org/rows.csv", name="rows", targets="c"), context="training")
        mlflow.log_input(mlflow.data.from_numpy(numpy.arange(6).reshape(2, 3), name="array"), context="test", tags={"split": "last"})
        # Twice is once.
        mlflow.log_input(mlflow.data.from_pandas(ROWS, source="https://example.org/rows.csv", name="rows", targets="c"), context="other")
    with mlflow.start_run(run_name="two") as two:
        mlflow.log_input(mlflow.data.from_pandas(ROWS, name="rows"), context="eval")
        mlflow.log_input(mlflow.data.from_pandas(ROWS.head(2), name="größe"))
    f.see("inputs of one", lambda: f.client.get_run(one.info.run_id).inputs)
    f.see("inputs of two", lambda: f.client.get_run(two.info.run_id).inputs)
    f.see("source", lambda: mlflow.data.get_source(f.client.get_run(one.info.run_id).inputs.dataset_inputs[0].dataset).uri
          if hasattr(mlflow.data.get_source(f.client.get_run(one.info.run_id).inputs.dataset_inputs[0].dataset), "uri") else "loaded")
    for text in ["dataset.name = 'rows'", "datasets.name LIKE 'arr%'", "dataset.name ILIKE 'ROWS'", "dataset.context = 'training'", "dataset.context != 'training'",
                 "dataset.name = 'rows' AND dataset.context = 'eval'", "dataset.name = 'array' AND dataset.context = 'training'", "dataset.name IN ('array', 'other')",
                 "dataset.name NOT IN ('array')", "dataset.digest = 'x'", "dataset.colour = 'x'", "dataset.name > 'a'", "dataset.name LIKE 'gr_ße'"]:
        f.see(f"filter {text}", lambda: sorted(r.info.run_name for r in f.client.search_runs([experiment], text)))
    long(f, experiment)


def long(f, experiment):
    run_id = f.client.create_run(experiment, start_time=1, run_name="long").info.run_id
    log = lambda dataset, tags=(): f.client.log_inputs(run_id, [DatasetInput(dataset, list(tags))])
    made = lambda **over: Dataset(**{"name": "n", "digest": "d", "source_type": "local", "source": "{}", **over})
    f.see("schema of a million", lambda: log(made(name="wide", schema="s" * 1_000_000)))
    f.see("name of 500", lambda: log(made(name="n" * 500)))
    f.see("name of 501", lambda: log(made(name="n" * 501)))
    f.see("digest of 37", lambda: log(made(digest="d" * 37)))
    f.see("source of 65,536", lambda: log(made(source="s" * 65_536)))
    f.see("tag value of 501", lambda: log(made(name="tagged"), [InputTag("k", "v" * 501)]))
    f.see("no such run", lambda: f.client.log_inputs("0" * 32, [DatasetInput(made(), [])]))
    f.see("kept", lambda: sorted((i.dataset.name[:10], len(i.dataset.name), len(i.dataset.schema or "")) for i in f.client.get_run(run_id).inputs.dataset_inputs))
