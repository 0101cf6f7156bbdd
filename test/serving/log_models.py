"""Logs and registers models as a data scientist would, with MLflow's own client. Prints what they answer themselves."""

import json
import os
import sys
from importlib.metadata import version

import mlflow
import pandas
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier

columns = ["age", "income", "visits", "distance"]
values, labels = make_classification(n_samples=400, n_features=4, random_state=7)
rows = pandas.DataFrame(values, columns=columns)

# MLflow's own guess names all of `mlflow`; its smaller distribution is enough to load a model.
requirements = ["mlflow-skinny==" + mlflow.__version__] + [
    "%s==%s" % (name, version(name)) for name in ("cloudpickle", "numpy", "pandas", "scikit-learn", "scipy")
]
model = GradientBoostingClassifier(n_estimators=20, random_state=7).fit(rows, labels)
with mlflow.start_run():
    mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="churn",
        input_example=rows.head(8),
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=requirements,
    )



class Sure(mlflow.pyfunc.PythonModel):
    """More than a framework's model: only MLflow can load it."""

    def predict(self, context, model_input, params=None):
        return model.predict_proba(model_input).max(axis=1)


with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model",
        python_model=Sure(),
        registered_model_name="sure",
        input_example=rows.head(8),
        pip_requirements=requirements,
    )

OWN = '''
class Sum:
    """Needs no package: its environment is the platform's own Python."""

    def __init__(self, folder):
        with open(folder + "/offset.txt") as file:
            self.offset = float(file.read())

    def predict(self, columns):
        return {"sum": [float(a) + float(b) + self.offset for a, b in zip(columns["a"], columns["b"])]}
'''
signature = [{"type": "double", "name": "a", "required": True}, {"type": "double", "name": "b", "required": True}]
MLMODEL = """
flavors:
  trainyard:
    class: "own:Sum"
signature:
  inputs: '%s'
  outputs: '[{"type": "double", "name": "sum"}]'
""" % json.dumps(signature)

folder = os.path.join(sys.argv[1], "own")
os.makedirs(folder)
for name, text in {"own.py": OWN, "MLmodel": MLMODEL, "offset.txt": "100"}.items():
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)
with mlflow.start_run() as run:
    mlflow.log_artifacts(folder, "own")
mlflow.register_model("runs:/%s/own" % run.info.run_id, "sum")

sample = rows.tail(3)
print(
    json.dumps(
        {
            "rows": sample.to_dict(orient="list"),
            "answers": model.predict_proba(sample).tolist(),
        }
    )
)
