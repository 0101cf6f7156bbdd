"""Users and permissions of MLflow's app for basic authentication. The caller of this flow is an administrator."""

import contextlib
import os

import mlflow

PASSWORD = "long enough, and 1 more"


def flow(f):
    see = f.see
    # MLflow's app refuses with a text, which the client raises as its general error: the code is what counts.
    f.see = lambda what, value: see(what, lambda: code_of(value))
    from mlflow.server.auth.client import AuthServiceClient

    auth = AuthServiceClient(mlflow.get_tracking_uri())
    ann, bob = f.name("ann"), f.name("bob")
    # Of a user's number and permissions only what this flow made.
    user = lambda u: {"name": u.username, "admin": u.is_admin}
    f.see("user", lambda: user(auth.create_user(ann, PASSWORD)))
    f.see("user again", lambda: auth.create_user(ann, PASSWORD))
    f.see("no name", lambda: auth.create_user("", PASSWORD))
    f.see("got", lambda: user(auth.get_user(ann)))
    f.see("unknown", lambda: auth.get_user(f.name("nobody")))
    auth.create_user(bob, PASSWORD)
    experiment = f.client.create_experiment(f.name("experiment"))
    f.client.create_registered_model(f.name("model"))
    run_id = f.client.create_run(experiment, start_time=1, run_name="run").info.run_id
    with signed_in(ann):
        f.see("makes users", lambda: auth.create_user(f.name("carl"), PASSWORD))
        f.see("sees itself", lambda: user(auth.get_user(ann)))
        f.see("sees another", lambda: auth.get_user(bob))
        f.see("deletes another", lambda: auth.delete_user(bob))
        f.see("makes itself an administrator", lambda: auth.update_user_admin(ann, True))
    with signed_in(ann, "a wrong password"):
        f.see("wrong password", lambda: f.client.get_experiment(experiment))
    with signed_in(f.name("nobody")):
        f.see("no user", lambda: f.client.get_experiment(experiment))
    permissions(f, auth, {"ann": ann, "experiment": experiment, "run": run_id})
    f.see("new password", lambda: auth.update_user_password(ann, PASSWORD + "!"))
    with signed_in(ann):
        f.see("old password", lambda: auth.get_user(ann))
    with signed_in(ann, PASSWORD + "!"):
        f.see("with the new one", lambda: user(auth.get_user(ann)))
    f.see("administrator", lambda: auth.update_user_admin(ann, True))
    with signed_in(ann, PASSWORD + "!"):
        f.see("sees all", lambda: f.client.get_experiment(experiment).name)
    f.see("deleted", lambda: auth.delete_user(ann))
    f.see("deleted, got", lambda: auth.get_user(ann))
    f.see("deleted again", lambda: auth.delete_user(ann))


def code_of(value):
    try:
        return value()
    except mlflow.MlflowException as error:
        return {"code": error.error_code}


@contextlib.contextmanager
def signed_in(name, password=PASSWORD):
    before = {key: os.environ[key] for key in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")}
    os.environ.update(MLFLOW_TRACKING_USERNAME=name, MLFLOW_TRACKING_PASSWORD=password)
    try:
        yield
    finally:
        os.environ.update(before)


def permissions(f, auth, made):
    """What is tried at each level, on the experiment and on the registered model."""
    client, model = f.client, f.name("model")
    tries = {
        "reads": lambda: client.get_experiment(made["experiment"]).name,
        "reads the run": lambda: client.get_run(made["run"]).info.run_name,
        "finds the run": lambda: len(client.search_runs([made["experiment"]])),
        "finds the experiment": lambda: [e.name for e in client.search_experiments(filter_string=f"name = '{f.name('experiment')}'")],
        "logs": lambda: client.log_metric(made["run"], "m", 1.0, timestamp=1),
        "uploads": lambda: client.log_text(made["run"], "text", "a.txt"),
        "downloads": lambda: [i.path for i in client.list_artifacts(made["run"])],
        "tags the experiment": lambda: client.set_experiment_tag(made["experiment"], "a", "b"),
        "deletes the experiment": lambda: client.delete_experiment(made["experiment"]),
        "reads the model": lambda: client.get_registered_model(model).name,
        "finds the model": lambda: [m.name for m in client.search_registered_models(f"name = '{model}'")],
        "describes the model": lambda: client.update_registered_model(model, "Text.").description,
    }
    levels = {"experiment": made["experiment"], "registered_model": model}
    # Since 3.17 nothing is granted by saying so.
    for level in [None, "READ", "EDIT", "MANAGE", *(["NO_PERMISSIONS"] if f.version < (3, 17) else [])]:
        if level:
            for kind, thing in levels.items():
                f.see(f"{level} of {kind}", lambda: grant(f, auth, kind, (thing, made["ann"], level)))
        with signed_in(made["ann"]):
            for what, attempt in tries.items():
                f.see(f"{what} with {level}", attempt)
        if level == "MANAGE":
            f.see("restored", lambda: client.restore_experiment(made["experiment"]))
    for kind, thing in levels.items():
        f.see(f"unknown level of {kind}", lambda: grant(f, auth, kind, (thing, made["ann"], "OWN")))
        f.see(f"revoked {kind}", lambda: revoke(f, auth, kind, (thing, made["ann"])))


def grant(f, auth, kind, given):
    thing, name, level = given
    if f.version >= (3, 17):
        # Since 3.17 a level is changed by taking the one before away.
        if level not in ("READ", "OWN"):
            auth.revoke_user_permission(name, kind, thing)
        return auth.grant_user_permission(name, kind, thing, level)
    create, update = getattr(auth, f"create_{kind}_permission"), getattr(auth, f"update_{kind}_permission")
    return create(thing, name, level).permission if level in ("READ", "OWN") else update(thing, name, level)


def revoke(f, auth, kind, given):
    thing, name = given
    return auth.revoke_user_permission(name, kind, thing) if f.version >= (3, 17) else getattr(auth, f"delete_{kind}_permission")(thing, name)
