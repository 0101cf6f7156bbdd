"""Autologging of scikit-learn: a fit, a grid search, evaluation metrics."""

import mlflow
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

QUIET = {"mlflow.log-model.history", "mlflow.datasets"}


def flow(f):
    experiment = f.experiment()
    rows, answers = load_iris(return_X_y=True, as_frame=True)
    train, test, train_answers, test_answers = train_test_split(rows, answers, random_state=1)
    extra = {"serialization_format": "pickle"} if f.version >= (3, 8) else {}
    mlflow.sklearn.autolog(log_input_examples=True, log_model_signatures=True, silent=True, max_tuning_runs=2, extra_tags={"by": "autolog"}, **extra)
    try:
        with mlflow.start_run(run_name="fit") as fit:
            model = RandomForestClassifier(n_estimators=5, random_state=1).fit(train, train_answers)
            model.score(test, test_answers)
        GridSearchCV(LogisticRegression(max_iter=50), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(train, train_answers)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    seen(f, "fit", f.client.get_run(fit.info.run_id))
    runs = f.client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    f.see("runs", lambda: len(runs))
    search = [r for r in runs if r.data.tags.get("estimator_name") == "GridSearchCV"]
    seen(f, "search", search[0])
    f.see("children", lambda: sorted((r.data.params["C"], r.info.status) for r in runs if r.data.tags.get("mlflow.parentRunId") == search[0].info.run_id))
    f.see("loaded", lambda: list(load(f, fit.info.run_id, experiment).predict(test[:5])))


def load(f, run_id, experiment):
    if f.version < (3, 0):
        return mlflow.sklearn.load_model(f"runs:/{run_id}/model")
    model = mlflow.search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'", output_format="list")[0]
    return mlflow.sklearn.load_model(model.model_uri)


def seen(f, what, run):
    f.see(f"{what}, params", lambda: run.data.params)
    f.see(f"{what}, metrics", lambda: {key: round(value, 6) for key, value in run.data.metrics.items()})
    f.see(f"{what}, tags", lambda: {key: value for key, value in run.data.tags.items() if key not in QUIET})
    f.see(f"{what}, inputs", lambda: run.inputs)
    f.see(f"{what}, status", lambda: run.info.status)
    f.see(f"{what}, artifacts", lambda: sorted((i.path, i.is_dir) for i in f.client.list_artifacts(run.info.run_id)))
    if f.version >= (3, 0):
        f.see(f"{what}, outputs", lambda: run.outputs)
