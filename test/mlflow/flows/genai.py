"""Evaluation datasets and scorers of 3.x."""

import json

import mlflow


def flow(f):
    if f.version < (3, 5):
        return
    experiment = f.experiment()
    evaluation(f, experiment)
    scorers(f, experiment)


def evaluation(f, experiment):
    from mlflow.genai.datasets import create_dataset, delete_dataset, get_dataset, search_datasets

    client = f.client
    made = create_dataset(name=f.name("questions"), experiment_id=[experiment], tags={"team": "rain", "größe": "ü"})
    shape = lambda d: {"id": d.dataset_id, "name": d.name, "tags": d.tags, "experiment_ids": d.experiment_ids, "schema": d.schema and json.loads(d.schema), "profile": d.profile and json.loads(d.profile),
                       "digest": type(d.digest).__name__, "by": (d.created_by, d.last_updated_by)}
    f.see("made", lambda: shape(made))
    rows = [{"inputs": {"q": f"question {i}"}, "expectations": {"a": i, "ü": "🌧"}, "tags": {"n": str(i)}} for i in range(5)]
    f.see("merged", lambda: shape(made.merge_records(rows)))
    f.see("merged again", lambda: shape(made.merge_records([{"inputs": {"q": "question 1"}, "expectations": {"b": 2}, "tags": {"m": "x"}}])))
    f.see("as a table", lambda: sorted(([row["inputs"], row["expectations"], row["tags"], row["source_type"]] for row in get_dataset(dataset_id=made.dataset_id).to_df().to_dict("records")), key=str))
    f.see("got", lambda: shape(get_dataset(dataset_id=made.dataset_id)))
    f.see("unknown", lambda: get_dataset(dataset_id="d-" + "0" * 32))
    other = create_dataset(name=f.name("other"), experiment_id=[experiment], tags={"team": "sun"})
    for text in [f"name = '{f.name('questions')}'", "name LIKE '%questions'", "tags.team = 'sun'", "tags.team != 'sun'", "created_time > 0", "name = 'x'", "colour = 'x'"]:
        f.see(f"filter {text}", lambda: sorted(d.name for d in search_datasets(experiment_ids=[experiment], filter_string=text)))
    for order in [["name ASC"], ["name DESC"], ["created_time ASC"], ["colour"]]:
        f.see(f"order {order}", lambda: [d.name for d in search_datasets(experiment_ids=[experiment], order_by=order)])
    if hasattr(client, "set_dataset_tags"):
        f.see("tags", lambda: client.set_dataset_tags(made.dataset_id, {"team": "wind", "new": "1"}))
        f.see("tag deleted", lambda: client.delete_dataset_tag(made.dataset_id, "new"))
        f.see("after", lambda: client.get_dataset(made.dataset_id).tags)
    second = client.create_experiment(f.name("second"))
    if hasattr(client, "add_dataset_to_experiments"):
        f.see("added", lambda: len(client.add_dataset_to_experiments(made.dataset_id, [second]).experiment_ids))
        f.see("removed", lambda: len(client.remove_dataset_from_experiments(made.dataset_id, [second]).experiment_ids))
    f.see("deleted", lambda: delete_dataset(dataset_id=other.dataset_id))
    f.see("deleted, got", lambda: get_dataset(dataset_id=other.dataset_id))
    f.see("left", lambda: [d.name for d in search_datasets(experiment_ids=[experiment])])


def scorers(f, experiment):
    from mlflow.genai.judges import make_judge
    from mlflow.genai.scorers import delete_scorer, get_scorer, list_scorers

    judge = lambda text: make_judge(name="polite", instructions=text + " {{ outputs }}", model="openai:/none")
    register = lambda text: judge(text).register(name="polite", experiment_id=experiment).name
    f.see("registered", lambda: register("Is it polite?"))
    f.see("registered again", lambda: register("Is it very polite? ü"))
    f.see("listed", lambda: [(s.name, s.instructions) for s in list_scorers(experiment_id=experiment)])
    f.see("latest", lambda: get_scorer(name="polite", experiment_id=experiment).instructions)
    f.see("version 1", lambda: get_scorer(name="polite", experiment_id=experiment, version=1).instructions)
    f.see("no scorer", lambda: get_scorer(name="nothing", experiment_id=experiment))
    f.see("no version", lambda: get_scorer(name="polite", experiment_id=experiment, version=9))
    f.see("in no experiment", lambda: list_scorers(experiment_id="987654321"))
    f.see("scorer deleted", lambda: delete_scorer(name="polite", experiment_id=experiment, version=1))
    f.see("version 1 after", lambda: get_scorer(name="polite", experiment_id=experiment, version=1).name)
    f.see("all deleted", lambda: delete_scorer(name="polite", experiment_id=experiment, version="all"))
    f.see("none listed", lambda: list_scorers(experiment_id=experiment))
