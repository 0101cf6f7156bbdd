"""The model of the serving benchmarks: gradient-boosted trees, 100 of depth 6, on 20 features, as each server takes it.

    python serving-model.py FOLDER

writes model.onnx (one input for each feature), mlflow/ (a model of MLflow), and bento/ with a BentoML service.
"""

import sys
from pathlib import Path

import joblib
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline

FEATURES = [f"feature_{i}" for i in range(20)]
SERVICE = '''
import bentoml, joblib, numpy as np
from pathlib import Path

@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Trees:
    def __init__(self):
        self.model = joblib.load(Path(__file__).parent / "model.joblib")

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[list[float]]:
        return self.model.predict_proba(np.asarray(rows, dtype=np.float32)).tolist()
'''

folder = Path(sys.argv[1])
random = np.random.default_rng(5)
x = random.normal(size=(4000, len(FEATURES))).astype(np.float32)
y = (x[:, 0] + x[:, 1] * x[:, 2] + np.sin(3 * x[:, 3]) + random.normal(scale=0.5, size=len(x)) > 0).astype(int)
model = GradientBoostingClassifier(n_estimators=100, max_depth=6, random_state=5).fit(x, y)

table = pd.DataFrame(x[:5], columns=FEATURES)
columns = ColumnTransformer([("all", "passthrough", FEATURES)]).fit(table)
onnx = convert_sklearn(
    Pipeline([("columns", columns), ("trees", model)]),
    initial_types=[(name, FloatTensorType([None, 1])) for name in FEATURES],
    options={"zipmap": False},
    target_opset=17,
)
(folder / "model.onnx").write_bytes(onnx.SerializeToString())

mlflow.sklearn.save_model(
    model,
    folder / "mlflow",
    signature=infer_signature(table, model.predict_proba(x[:5])),
    pyfunc_predict_fn="predict_proba",
    serialization_format="cloudpickle",
)
(folder / "bento").mkdir()
(folder / "bento/service.py").write_text(SERVICE)
joblib.dump(model, folder / "bento/model.joblib")
