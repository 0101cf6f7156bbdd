"""Experiments: made, found, renamed, tagged, deleted, restored, searched."""

import mlflow
from mlflow.entities import ExperimentTag, ViewType
from client import pages


def flow(f):
    client = f.client
    one = client.create_experiment(f.name("one"), tags={"team": "rain", "größe": "1 µm", "mlflow.note.content": "A note."})
    f.see("created", lambda: client.get_experiment(one))
    f.see("by name", lambda: client.get_experiment_by_name(f.name("one")))
    f.see("unknown id", lambda: client.get_experiment("987654321"))
    f.see("unknown name", lambda: client.get_experiment_by_name(f.name("nothing")))
    f.see("same name", lambda: client.create_experiment(f.name("one")))
    f.see("empty name", lambda: client.create_experiment(""))
    f.see("long name", lambda: client.create_experiment(f.name("x" * 500)))
    f.see("name of 400 characters", lambda: client.get_experiment(client.create_experiment(f.name("x" * 400))).name)
    f.see("slashes", lambda: client.get_experiment(client.create_experiment(f.name("a/b c/ü"))))
    location = "mlflow-artifacts:/somewhere/else"
    f.see("own location", lambda: client.get_experiment(client.create_experiment(f.name("place"), artifact_location=location)))
    f.see("bad location", lambda: client.create_experiment(f.name("bad place"), artifact_location="mlflow-artifacts:/a#b"))
    f.see("set", lambda: mlflow.set_experiment(f.name("made by set")).name)
    f.see("set again", lambda: mlflow.set_experiment(f.name("made by set")).name)
    f.see("default", lambda: client.get_experiment("0").name)

    client.set_experiment_tag(one, "team", "sun")
    client.set_experiment_tag(one, "empty", "")
    f.see("long tag", lambda: client.set_experiment_tag(one, "long", "v" * 20_000))
    f.see("too long tag", lambda: client.set_experiment_tag(one, "longer", "v" * 20_001))
    f.see("tag key not allowed", lambda: client.set_experiment_tag(one, "a//b", "v"))
    f.see("tag key too long", lambda: client.set_experiment_tag(one, "k" * 251, "v"))
    f.see("tag of nothing", lambda: client.set_experiment_tag("987654321", "a", "v"))
    if hasattr(client, "delete_experiment_tag"):
        f.see("tag deleted", lambda: client.delete_experiment_tag(one, "empty"))
        f.see("no such tag", lambda: client.delete_experiment_tag(one, "empty"))
    f.see("tags", lambda: {key: len(value) for key, value in client.get_experiment(one).tags.items()})

    f.see("renamed", lambda: client.rename_experiment(one, f.name("uno")))
    f.see("new name", lambda: client.get_experiment_by_name(f.name("uno")).name)
    f.see("old name", lambda: client.get_experiment_by_name(f.name("one")))
    f.see("renamed to taken", lambda: client.rename_experiment(one, f.name("place")))
    deleted_and_restored(f, one)
    searched(f)


def deleted_and_restored(f, one):
    client = f.client
    run = client.create_run(one, start_time=1, run_name="run")
    earlier = client.create_run(one, start_time=2, run_name="deleted before")
    client.delete_run(earlier.info.run_id)
    f.see("deleted", lambda: client.delete_experiment(one))
    f.see("deleted, got", lambda: client.get_experiment(one).lifecycle_stage)
    f.see("deleted, by name", lambda: client.get_experiment_by_name(f.name("uno")).lifecycle_stage)
    f.see("its run", lambda: client.get_run(run.info.run_id).info.lifecycle_stage)
    f.see("deleted again", lambda: client.delete_experiment(one))
    f.see("name of deleted", lambda: client.create_experiment(f.name("uno")))
    f.see("set deleted", lambda: mlflow.set_experiment(f.name("uno")))
    f.see("run in deleted", lambda: client.create_run(one))
    f.see("rename deleted", lambda: client.rename_experiment(one, f.name("eins")))
    f.see("tag deleted one", lambda: client.set_experiment_tag(one, "a", "b"))
    f.see("restored", lambda: client.restore_experiment(one))
    f.see("restored again", lambda: client.restore_experiment(one))
    f.see("runs restored", lambda: [client.get_run(r.info.run_id).info.lifecycle_stage for r in (run, earlier)])
    f.see("delete unknown", lambda: client.delete_experiment("987654321"))
    f.see("restore unknown", lambda: client.restore_experiment("987654321"))


FILTERS = [
    "name LIKE '{p}s%'",
    "name ILIKE '{P}S%'",
    "name LIKE '{P}S%'",
    "attribute.name = '{p}s2'",
    "attributes.name != '{p}s2' AND name LIKE '{p}s%'",
    "name LIKE '{p}s%' AND tags.colour = 'red'",
    "name LIKE '{p}s%' AND tag.colour != 'red'",
    "name LIKE '{p}s%' AND tags.`two words` LIKE 'x%'",
    "name LIKE '{p}s%' AND tags.\"two words\" ILIKE 'X%'",
    "name LIKE '{p}s%' AND creation_time > 0",
    "name LIKE '{p}s%' AND creation_time < 1000",
    "name LIKE '{p}s%' AND last_update_time >= 1 AND attribute.creation_time != 5",
    "name LIKE '%ü_'",
    "name = 'it''s'",
    "colour = 'red'",
    "params.a = '1'",
    "name = {p}s2",
    "name LIKE '{p}s%' OR name = 'a'",
    "(name LIKE '{p}s%')",
    "creation_time = '5'",
    "name > 'a'",
    "name LIKE '{p}s%' AND",
    "AND",
    "name IN ('a')",
]
ORDERS = [["name"], ["name DESC"], ["experiment_id"], ["experiment_id ASC"], ["attribute.name desc"], ["name", "experiment_id"],
          ["last_update_time DESC", "experiment_id DESC"], ["creation_time asc"], ["colour"], ["name up"], ["tags.colour"]]


def searched(f):
    client, p = f.client, f.name("s")[:-1]
    for i in range(6):
        tags = {"colour": ["red", "blue"][i % 2], **({"two words": f"x{i}"} if i > 3 else {})}
        client.create_experiment(f"{p}s{i}", tags=tags)
    client.create_experiment(f"{p}süß")
    client.delete_experiment(client.get_experiment_by_name(f"{p}s5").experiment_id)
    search = lambda **arguments: sorted(e.name for e in client.search_experiments(**arguments))
    for text in FILTERS:
        written = text.format(p=p, P=p.upper())
        # MLflow gives other users' experiments too: only this flow's are compared.
        f.see(f"filter {text}", lambda: [n for n in search(filter_string=written) if n.startswith(p)])
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        f.see(f"view {view}", lambda: search(filter_string=f"name LIKE '{p}s%'", view_type=view))
    for order in ORDERS:
        f.see(f"order {order}", lambda: [e.name for e in client.search_experiments(filter_string=f"name LIKE '{p}s_'", order_by=order)])
    f.see("pages", lambda: [[e.name for e in page] for page in
                            pages(client.search_experiments, filter_string=f"name LIKE '{p}s%'", order_by=["name"], max_results=3)])
    f.see("no such page", lambda: client.search_experiments(page_token="nonsense"))
    f.see("none a page", lambda: client.search_experiments(max_results=0))
    f.see("too many a page", lambda: client.search_experiments(max_results=50_001))
