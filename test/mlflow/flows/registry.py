"""Registry: models, versions, stages, aliases, tags, searches, deletion. Sources are artifacts of runs."""

import mlflow
from client import pages


def flow(f):
    client = f.client
    experiment = f.experiment()
    name = f.name("model")
    f.see("created", lambda: client.create_registered_model(name, tags={"a": "1", "größe": "ü"}, description="A model. 🌧"))
    f.see("created again", lambda: client.create_registered_model(name))
    f.see("got", lambda: client.get_registered_model(name))
    f.see("unknown", lambda: client.get_registered_model(f.name("nothing")))
    for odd in ["", "a/b", "a:b", "ü 🌧", "n" * 256, "n" * 257]:
        # A name of exactly this length or form, of this client only.
        full = odd and f.name(odd) if len(odd) < 250 else f.name("n" * (len(odd) - len(f.name(""))))
        f.see(f"name {odd[:10]!r} of {len(full)}", lambda: client.create_registered_model(full).name)
    f.see("described", lambda: client.update_registered_model(name, "Another."))
    run = client.create_run(experiment, start_time=1, run_name="source")
    run_id, uri = run.info.run_id, run.info.artifact_uri
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    client.log_text(run_id, "weights", "model/data.bin")
    create = lambda **over: client.create_model_version(**{"name": name, "source": f"{uri}/model", "run_id": run_id, **over})
    f.see("version", lambda: create(tags={"t": "1"}, description="The first.", run_link="https://example.org/run"))
    f.see("version 2", lambda: create(source=f"runs:/{run_id}/model"))
    for _ in range(3):
        create()
    f.see("version of nothing", lambda: create(name=f.name("nothing")))
    f.see("version of no run", lambda: create(run_id="0" * 32))
    for source in ["/etc", "file:///etc", "../x", f"{uri}/../../x", "http://example.org/a/../b", "s3://bucket/model", "mlflow-artifacts:/0/x/artifacts/model", "", "dbfs:/m"]:
        f.see(f"source {source.replace(uri, 'of the run')!r}", lambda: create(name=sources(f), source=source).version)
        f.see(f"source {source.replace(uri, 'of the run')!r} without run", lambda: create(name=sources(f), source=source, run_id=None).version)
    f.see("got version", lambda: client.get_model_version(name, "1"))
    f.see("got version by number", lambda: client.get_model_version(name, 2).version)
    f.see("no version", lambda: client.get_model_version(name, "99"))
    f.see("no number", lambda: client.get_model_version(name, "one"))
    f.see("download uri", lambda: client.get_model_version_download_uri(name, "1").startswith("mlflow-artifacts:/"))
    f.see("described version", lambda: client.update_model_version(name, "1", "Better.").description)
    f.see("described no version", lambda: client.update_model_version(name, "99", "Better."))
    stages(f, name)
    aliases(f, name)
    tags(f, name)
    searches(f, run_id)
    deleted(f, name)


def sources(f):
    name = f.name("sources")
    try:
        f.client.create_registered_model(name)
    except mlflow.MlflowException:
        pass
    return name


def stages(f, name):
    client = f.client
    to = lambda version, stage, **more: client.transition_model_version_stage(name, version, stage, **more).current_stage
    f.see("staging", lambda: to("1", "Staging"))
    f.see("lower case", lambda: to("2", "production"))
    f.see("archives others", lambda: to("3", "Production", archive_existing_versions=True))
    f.see("stages", lambda: [client.get_model_version(name, str(v)).current_stage for v in (1, 2, 3)])
    f.see("archive to archived", lambda: to("4", "Archived", archive_existing_versions=False))
    f.see("unknown stage", lambda: to("1", "Elsewhere"))
    f.see("stage of no version", lambda: to("99", "Staging"))
    latest = lambda *stages: sorted((v.version, v.current_stage) for v in client.get_latest_versions(name, list(stages) or None))
    f.see("latest", latest)
    f.see("latest of two", lambda: latest("Production", "Staging"))
    f.see("latest of none", lambda: latest("None"))
    f.see("latest of an unknown", lambda: latest("Elsewhere"))
    f.see("latest of no model", lambda: client.get_latest_versions(f.name("nothing")))
    f.see("model with versions", lambda: sorted((v.version, v.current_stage) for v in client.get_registered_model(name).latest_versions))
    f.see("back", lambda: to("1", "None"))


def aliases(f, name):
    client = f.client
    f.see("alias", lambda: client.set_registered_model_alias(name, "champion", "1"))
    f.see("another", lambda: client.set_registered_model_alias(name, "Champion", "2"))
    f.see("moved", lambda: client.set_registered_model_alias(name, "champion", "3"))
    f.see("second on one", lambda: client.set_registered_model_alias(name, "best-of_2026", 3))
    f.see("by alias", lambda: client.get_model_version_by_alias(name, "champion"))
    f.see("aliases of the version", lambda: sorted(client.get_model_version(name, "3").aliases))
    f.see("aliases of the model", lambda: client.get_registered_model(name).aliases)
    for alias in ["latest", "Latest", "v1", "V22", "a b", "a/b", "", "ü", "a" * 255, "a" * 256, "1", "v1x"]:
        f.see(f"alias {alias[:10]!r} of {len(alias)}", lambda: client.set_registered_model_alias(name, alias, "1"))
    f.see("alias of no version", lambda: client.set_registered_model_alias(name, "lost", "99"))
    f.see("alias of no model", lambda: client.set_registered_model_alias(f.name("nothing"), "lost", "1"))
    f.see("no alias", lambda: client.get_model_version_by_alias(name, "nothing"))
    f.see("alias in no model", lambda: client.get_model_version_by_alias(f.name("nothing"), "x"))
    f.see("alias deleted", lambda: client.delete_registered_model_alias(name, "best-of_2026"))
    f.see("alias deleted again", lambda: client.delete_registered_model_alias(name, "best-of_2026"))
    f.see("aliases left", lambda: sorted(a[:10] for a in client.get_registered_model(name).aliases))


def tags(f, name):
    client = f.client
    f.see("model tag", lambda: client.set_registered_model_tag(name, "b", "2"))
    f.see("model tag again", lambda: client.set_registered_model_tag(name, "b", "3"))
    f.see("model tag deleted", lambda: client.delete_registered_model_tag(name, "b"))
    f.see("model tag deleted again", lambda: client.delete_registered_model_tag(name, "b"))
    f.see("version tag", lambda: client.set_model_version_tag(name, "1", "ü", "v" * 5000))
    f.see("version tag by stage", lambda: client.set_model_version_tag(name, stage="Production", key="s", value="1"))
    f.see("version tag deleted", lambda: client.delete_model_version_tag(name, "1", "t"))
    f.see("version tag deleted again", lambda: client.delete_model_version_tag(name, "1", "t"))
    f.see("tag key of 250", lambda: client.set_registered_model_tag(name, "k" * 250, "v"))
    f.see("tag key of 251", lambda: client.set_registered_model_tag(name, "k" * 251, "v"))
    f.see("tag value of 100,000", lambda: client.set_registered_model_tag(name, "long", "v" * 100_000))
    f.see("tag value of 100,001", lambda: client.set_registered_model_tag(name, "longer", "v" * 100_001))
    f.see("tag of no model", lambda: client.set_registered_model_tag(f.name("nothing"), "a", "b"))
    f.see("tag of no version", lambda: client.set_model_version_tag(name, "99", "a", "b"))
    f.see("model tags", lambda: {k[:10]: len(v) for k, v in client.get_registered_model(name).tags.items()})
    f.see("version tags", lambda: {k: len(v) for k, v in client.get_model_version(name, "1").tags.items()})


MODELS = ["name = '{p}m1'", "name != '{p}m1' AND name LIKE '{p}m%'", "name LIKE '{p}m%'", "name ILIKE '{P}M%'", "name LIKE '{p}m_'", "name LIKE '{p}m%' AND tags.colour = 'red'",
          "name LIKE '{p}m%' AND tag.colour != 'red'", "name LIKE '{p}m%' AND tags.`two words` = 'x'", "name LIKE '{p}m%' AND tags.colour = 'red' AND tags.size = '0'", "name LIKE '{p}m%' AND tags.colour ILIKE 'R%'",
          "name IN ('{p}m1')", "name > 'a'", "colour = 'x'", "name = {p}m1", "name LIKE '{p}m%' OR name = 'x'", "attribute.name = '{p}m1'", "name = \"{p}m1\"", "tags.colour = red", "name ="]
VERSIONS = ["name = '{p}m1'", "name='{p}m1' AND version_number = 2", "name='{p}m1' and version_number > 1", "name='{p}m1' AND version_number <= '2'", "name LIKE '{p}m%'", "run_id = '{run}'",
            "run_id IN ('{run}')", "run_id != '{run}' AND name = '{p}m1'", "run_id NOT IN ('{run}')", "name = '{p}m1' AND source_path LIKE '%model'", "name = '{p}m1' AND source_path = 'x'",
            "name = '{p}m1' AND tags.t = '1'", "name = '{p}m1' AND tags.t = '1' AND tags.u = 'a'", "name = '{p}m1' AND tag.t != '1'", "name = '{p}m1' AND current_stage = 'None'", "colour = 'x'",
            "name = '{p}m1' AND version_number = 'x'", "run_id IN ()", "name IN ('{p}m1', '{p}m2')"]


def searches(f, run_id):
    client, p = f.client, f.name("")
    for i in range(4):
        client.create_registered_model(f"{p}m{i}", tags={"colour": ["red", "blue"][i % 2], "size": str(i), **({"two words": "x"} if i == 3 else {})})
    uri = client.get_run(run_id).info.artifact_uri
    for i in range(3):
        client.create_model_version(f"{p}m1", f"{uri}/model", run_id, tags={"t": str(i % 2), **({"u": "a"} if i else {})})
    client.create_model_version(f"{p}m2", f"{uri}/model", run_id)
    write = lambda text: text.format(p=p, P=p.upper(), run=run_id)
    mine = lambda names: [n for n in names if n.startswith(f"{p}m") and "model" not in n]
    models = lambda text, **more: [m.name for m in client.search_registered_models(write(text), **more)]
    versions = lambda text, **more: [(v.name, v.version) for v in client.search_model_versions(write(text), **more)]
    for text in MODELS:
        f.see(f"models {text}", lambda: mine(models(text)))
    for order in [["name DESC"], ["name ASC"], ["timestamp DESC"], ["last_updated_timestamp ASC", "name DESC"], ["colour"], ["name", "name"], ["creation_timestamp"]]:
        f.see(f"models by {order}", lambda: models("name LIKE '{p}m_'", order_by=order))
    f.see("models in pages", lambda: [[m.name for m in page] for page in pages(client.search_registered_models, filter_string=write("name LIKE '{p}m_'"), max_results=2, order_by=["name"])])
    f.see("1001 models", lambda: len(client.search_registered_models(max_results=1001)))
    f.see("found with versions", lambda: [(v.version, v.aliases) for v in client.search_registered_models(write("name = '{p}m1'"))[0].latest_versions])
    for text in VERSIONS:
        f.see(f"versions {text}", lambda: sorted((n, v) for n, v in versions(text) if n.startswith(f"{p}m")))
    for order in [["version_number ASC"], ["name DESC", "version_number DESC"], ["creation_timestamp ASC"], ["last_updated_timestamp DESC"], ["colour"], None]:
        f.see(f"versions by {order}", lambda: versions("name LIKE '{p}m_'", order_by=order))
    f.see("versions in pages", lambda: [[v.version for v in page] for page in pages(client.search_model_versions, filter_string=write("name = '{p}m1'"), max_results=2, order_by=["version_number ASC"])])
    f.see("no such page", lambda: client.search_registered_models(page_token="nonsense"))


def deleted(f, name):
    client = f.client
    client.set_registered_model_alias(name, "gone", "5")
    f.see("version deleted", lambda: client.delete_model_version(name, "5"))
    f.see("version deleted, got", lambda: client.get_model_version(name, "5"))
    f.see("version deleted again", lambda: client.delete_model_version(name, "5"))
    f.see("number not used again", lambda: client.create_model_version(name, client.get_model_version(name, "1").source, client.get_model_version(name, "1").run_id).version)
    f.see("versions left", lambda: sorted(v.version for v in client.search_model_versions(f"name = '{name}'")))
    f.see("renamed", lambda: client.rename_registered_model(name, f.name("renamed")).name)
    f.see("old name", lambda: client.get_registered_model(name))
    f.see("versions under the new name", lambda: sorted(v.version for v in client.search_model_versions(f"name = '{f.name('renamed')}'")))
    f.see("alias under the new name", lambda: client.get_model_version_by_alias(f.name("renamed"), "champion").version)
    f.see("renamed to taken", lambda: client.rename_registered_model(f.name("renamed"), f.name("m1")))
    f.see("renamed nothing", lambda: client.rename_registered_model(f.name("nothing"), f.name("something")))
    f.see("model deleted", lambda: client.delete_registered_model(f.name("renamed")))
    f.see("model deleted, got", lambda: client.get_registered_model(f.name("renamed")))
    f.see("model deleted again", lambda: client.delete_registered_model(f.name("renamed")))
    f.see("name again", lambda: client.create_registered_model(f.name("renamed")).latest_versions)
