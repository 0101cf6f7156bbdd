"""Fits one model with each framework, saves it as its MLmodel says, and prints rows and what the models answer themselves."""

import json
import os
import sys

import joblib
import lightgbm
import pandas
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

target = sys.argv[1]
values, labels = make_classification(n_samples=300, n_features=4, random_state=7)
rows = pandas.DataFrame(values, columns=["a", "b", "c", "d"])
trips = rows.assign(city=["Lyon" if value > 0 else "Oslo" for value in rows["a"]])
sample, journeys = rows.tail(3), trips.tail(3)
told = {}


def save(name, mlmodel, write, answers):
    folder = os.path.join(target, name)
    os.makedirs(folder)
    write(folder)
    told[name] = {"mlmodel": mlmodel, "answers": answers.tolist()}


def in_folder(file, write):
    return lambda folder: write(os.path.join(folder, file))


forest = GradientBoostingClassifier(n_estimators=20, random_state=7).fit(rows, labels)
save(
    "sklearn",
    "flavors: {sklearn: {pickled_model: model.joblib, predict_fn: predict_proba}}",
    in_folder("model.joblib", lambda path: joblib.dump(forest, path)),
    forest.predict_proba(sample),
)
encoder = ColumnTransformer([("city", OneHotEncoder(), ["city"])], remainder="passthrough")
pipeline = make_pipeline(encoder, LogisticRegression()).fit(trips, labels)
save(
    "sklearn of texts",
    "flavors: {sklearn: {pickled_model: model.pkl, predict_fn: predict_proba}}",
    in_folder("model.pkl", lambda path: joblib.dump(pipeline, path)),
    pipeline.predict_proba(journeys),
)
boosted = xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(rows, labels)
save(
    "xgboost",
    "flavors: {xgboost: {data: model.ubj, model_class: xgboost.sklearn.XGBClassifier}, python_function: {loader_module: mlflow.xgboost, predict_fn: predict_proba}}",
    in_folder("model.ubj", boosted.save_model),
    boosted.predict_proba(sample),
)
save(
    "xgboost booster",
    "flavors: {xgboost: {data: model.json, model_class: xgboost.core.Booster}, python_function: {loader_module: mlflow.xgboost}}",
    in_folder("model.json", boosted.get_booster().save_model),
    boosted.get_booster().predict(xgboost.DMatrix(sample)),
)
light = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(rows, labels)
save(
    "lightgbm",
    "flavors: {lightgbm: {data: model.pkl, model_class: lightgbm.sklearn.LGBMClassifier}}",
    in_folder("model.pkl", lambda path: joblib.dump(light, path)),
    light.predict(sample),
)
save(
    "lightgbm booster",
    "flavors: {lightgbm: {data: model.lgb, model_class: lightgbm.basic.Booster}}",
    in_folder("model.lgb", light.booster_.save_model),
    light.booster_.predict(sample),
)

print(json.dumps({"columns": journeys.to_dict(orient="list"), "models": told}))
