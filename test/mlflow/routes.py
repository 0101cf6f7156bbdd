"""Prints every route of MLflow's own server with basic authentication, as a JSON list of [method, path]."""

import contextlib
import json
import os
import sys
import tempfile

folder = tempfile.mkdtemp()
with open(f"{folder}/auth.ini", "w") as file:
    file.write(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/auth.db\n"
        "admin_username = admin\nadmin_password = an administrator of tests, 1\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
os.environ.update(
    {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": folder,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
        "MLFLOW_AUTH_CONFIG_PATH": f"{folder}/auth.ini",
    }
)

with contextlib.redirect_stdout(sys.stderr):
    from mlflow.server import app
    from mlflow.server.auth import create_app

    create_app(app)
    routes = {(method, str(rule)) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}
    # Since 3.5 a part of the server is FastAPI's.
    with contextlib.suppress(ImportError):
        from mlflow.server.fastapi_app import create_fastapi_app

        for path, methods in create_fastapi_app(app).openapi()["paths"].items():
            routes |= {(method.upper(), path) for method in methods}

print(json.dumps(sorted(routes)))
