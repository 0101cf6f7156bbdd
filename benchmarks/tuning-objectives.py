"""What is searched, for both sides: a line of JSON asks for a value, or for a search by Optuna; a line answers."""
import json
import math
import sys
import time

import numpy
import optuna
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_score

optuna.logging.set_verbosity(optuna.logging.ERROR)

HARTMANN_A = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
HARTMANN_P = 1e-4 * numpy.array([
    [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])


def xs(p, n):
    return numpy.array([p[f"x{i}"] for i in range(n)])


def branin(p):
    x, y = p["x0"], p["x1"]
    return (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(p):
    return -float(numpy.dot([1, 1.2, 3, 3.2], numpy.exp(-(HARTMANN_A * (xs(p, 6) - HARTMANN_P) ** 2).sum(1))))


def ackley5(p):
    x = xs(p, 5)
    return float(-20 * numpy.exp(-0.2 * numpy.sqrt((x**2).mean())) - numpy.exp(numpy.cos(2 * numpy.pi * x).mean()) + 20 + math.e)


def rosenbrock4(p):
    x = xs(p, 4)
    return float(sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3)))


def conditional(p):
    value = (math.log10(p["rate"]) + 2.5) ** 2 + (p["count"] - 13) ** 2 / 20
    if p["kind"] == "a":
        return value + 1 + (p["shift"] - 2) ** 2
    if p["kind"] == "b":
        return value + (p["place"] - 7) ** 2 / 4 + math.log2(p["width"] / 16) ** 2
    return value + 3


ROWS, TARGET = load_diabetes(return_X_y=True)
FOLDS = KFold(3, shuffle=True, random_state=0)


def boosting(p):
    model = GradientBoostingRegressor(random_state=0, **p)
    return float(-cross_val_score(model, ROWS, TARGET, cv=FOLDS, scoring="neg_root_mean_squared_error").mean())


OBJECTIVES = {f.__name__: f for f in (branin, hartmann6, ackley5, rosenbrock4, conditional, boosting)}


def suggest(trial, space):
    params = {}
    for name, s in space.items():
        if any(params.get(other) != value for other, value in s.get("when", {}).items()):
            continue
        if s["type"] == "categorical":
            params[name] = trial.suggest_categorical(name, s["choices"])
        else:
            draw = trial.suggest_float if s["type"] == "float" else trial.suggest_int
            params[name] = draw(name, s["low"], s["high"], log=s.get("log", False))
    return params


def search(name, space, seed, trials):
    objective = OBJECTIVES[name]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: objective(suggest(trial, space)), n_trials=trials)
    return study.best_value


def stored(space, path, trials, before):
    """Trials a second on Optuna's SQLite storage, in a study that has `before` trials already."""
    study = optuna.create_study(storage=f"sqlite:///{path}", sampler=optuna.samplers.TPESampler(seed=0), study_name="s")
    distributions = {name: optuna.distributions.FloatDistribution(s["low"], s["high"]) for name, s in space.items()}
    random = numpy.random.RandomState(0)
    study.add_trials([
        optuna.trial.create_trial(params={name: float(random.rand()) for name in space}, distributions=distributions, value=float(random.rand()))
        for _ in range(before)
    ])
    began = time.perf_counter()
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, sum(suggest(trial, space).values()))
    return trials / (time.perf_counter() - began)


for line in sys.stdin:
    asked = json.loads(line)
    if "stored" in asked:
        answer = stored(asked["space"], asked["stored"], asked["trials"], asked["before"])
    elif "params" in asked:
        answer = OBJECTIVES[asked["name"]](asked["params"])
    else:
        answer = search(asked["name"], asked["space"], asked["seed"], asked["trials"])
    print(json.dumps(answer), flush=True)
