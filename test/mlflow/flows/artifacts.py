"""Artifacts of a run: text, dicts, figures, images, tables, folders; listed, fetched, deleted."""

import hashlib
import os
import pathlib
import re

import mlflow
import numpy
import pandas
from PIL import Image


def flow(f):
    f.experiment()
    with mlflow.start_run(run_name="artifacts") as run:
        logged(f)
        images(f)
        tables(f, run.info.run_id)
    fetched(f, run.info.run_id)
    odd(f, run.info.run_id)


def logged(f):
    mlflow.log_text("a text, ü 🌧\n", "texts/a.txt")
    mlflow.log_dict({"a": [1, 2, {"b": None}]}, "dicts/a.json")
    mlflow.log_dict({"a": 1}, "dicts/a.yaml")
    folder = f.folder / "tree"
    for path in ["one.txt", "sub/two.bin", "sub/deep/three.txt", "sub/empty.txt", "with space/größe.txt", "with space/100%.txt", "sub/a+b=c&d#e?f.txt"]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"" if "empty" in path else path.encode() * 3)
    mlflow.log_artifacts(str(folder), "tree")
    mlflow.log_artifact(str(folder / "one.txt"))
    mlflow.log_artifact(str(folder / "sub"), "as folder")
    f.see("artifact uri", lambda: mlflow.get_artifact_uri("a/b.txt"))


def images(f):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([0, 1], [2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    mlflow.log_image(Image.new("RGB", (8, 4), "red"), "images/red.png")
    mlflow.log_image(numpy.full((4, 8, 3), 128, dtype=numpy.uint8), "images/grey.png")
    if f.version >= (2, 13):
        mlflow.log_image(numpy.full((4, 8, 3), 0.5), key="dog", step=1, timestamp=1000)
        mlflow.log_image(Image.new("RGB", (8, 4), "blue"), key="dog", step=2, timestamp=2000)


def tables(f, run_id):
    mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "tables/t.json")
    mlflow.log_table(pandas.DataFrame({"q": ["c"], "n": [3]}), "tables/t.json")
    f.see("table", lambda: mlflow.load_table("tables/t.json", run_ids=[run_id]))
    f.see("table with a column", lambda: mlflow.load_table("tables/t.json", run_ids=[run_id], extra_columns=["run_id"]))
    f.see("no table", lambda: mlflow.load_table("tables/none.json", run_ids=[run_id]))


def fetched(f, run_id):
    client = f.client
    listed = lambda path=None: sorted((unmarked(i.path), i.is_dir, i.file_size if "figures" not in i.path and "images" not in i.path else None)
                                      for i in client.list_artifacts(run_id, path))
    f.see("tags", lambda: {k: v for k, v in client.get_run(run_id).data.tags.items() if "logged" in k})
    f.see("root", listed)
    for path in ["texts", "texts/a.txt", "tree", "tree/sub", "tree/with space", "tree/nothing", "figures", "images", "as folder/sub", "tree/sub/"]:
        f.see(f"list {path}", lambda: listed(path))
    f.see("text", lambda: mlflow.artifacts.load_text(f"runs:/{run_id}/texts/a.txt"))
    f.see("dict", lambda: mlflow.artifacts.load_dict(f"runs:/{run_id}/dicts/a.json"))
    f.see("image", lambda: mlflow.artifacts.load_image(f"runs:/{run_id}/images/red.png").size)
    f.see("grey", lambda: numpy.asarray(mlflow.artifacts.load_image(f"runs:/{run_id}/images/grey.png")).mean())
    f.see("whole", lambda: downloaded(f, run_id, ""))
    f.see("folder", lambda: downloaded(f, run_id, "tree"))
    f.see("sub-folder", lambda: downloaded(f, run_id, "tree/sub"))
    f.see("odd names", lambda: downloaded(f, run_id, "tree/with space"))
    f.see("file", lambda: pathlib.Path(client.download_artifacts(run_id, "tree/one.txt", str(f.folder))).read_text())
    f.see("by uri", lambda: pathlib.Path(mlflow.artifacts.download_artifacts(artifact_uri=f"runs:/{run_id}/tree/sub/two.bin")).read_bytes().decode())
    f.see("by own uri", lambda: pathlib.Path(mlflow.artifacts.download_artifacts(
        artifact_uri=client.get_run(run_id).info.artifact_uri + "/tree/one.txt")).read_text())
    f.see("listed by uri", lambda: [i.path for i in mlflow.artifacts.list_artifacts(artifact_uri=f"runs:/{run_id}/tree")])
    f.see("no file", lambda: client.download_artifacts(run_id, "tree/nothing.txt", str(f.folder)))
    f.see("no run", lambda: client.download_artifacts("0" * 32, "a.txt", str(f.folder)))


def downloaded(f, run_id, path):
    target = f.folder / "down" / (path or "whole")
    target.mkdir(parents=True)
    root = pathlib.Path(f.client.download_artifacts(run_id, path, str(target)))
    found = {}
    for folder, _, files in os.walk(root):
        for file in files:
            full = pathlib.Path(folder) / file
            name = unmarked(str(full.relative_to(root)))
            found[name] = hashlib.sha256(full.read_bytes()).hexdigest()[:16]
    return found


def unmarked(path):
    """The names of images hold an id, of letters and digits."""
    return re.sub(r"[0-9a-z]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", path)


def odd(f, run_id):
    client = f.client
    client.log_text(run_id, "first", "again.txt")
    client.log_text(run_id, "second, longer", "again.txt")
    f.see("overwritten", lambda: mlflow.artifacts.load_text(f"runs:/{run_id}/again.txt"))
    f.see("above", lambda: client.log_text(run_id, "x", "../above.txt"))
    f.see("absolute", lambda: client.log_text(run_id, "x", "/above.txt"))
    f.see("list above", lambda: client.list_artifacts(run_id, "../.."))
    f.see("fetch above", lambda: client.download_artifacts(run_id, "../../x", str(f.folder)))
    repository = repository_of(client, run_id)
    f.see("deleted file", lambda: repository.delete_artifacts("again.txt"))
    f.see("deleted folder", lambda: repository.delete_artifacts("tree/sub"))
    f.see("deleted nothing", lambda: repository.delete_artifacts("tree/nothing"))
    f.see("left", lambda: sorted(i.path for i in client.list_artifacts(run_id)))
    f.see("left in tree", lambda: sorted(i.path for i in client.list_artifacts(run_id, "tree")))
    client.delete_run(run_id)
    f.see("of a deleted run", lambda: mlflow.artifacts.load_text(f"runs:/{run_id}/texts/a.txt"))
    f.see("to a deleted run", lambda: client.log_text(run_id, "x", "late.txt"))


def repository_of(client, run_id):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(client.get_run(run_id).info.artifact_uri)
