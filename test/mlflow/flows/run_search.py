"""Every form of a search of runs, over a prepared set; results by run name."""

import mlflow
import numpy
from mlflow.entities import Metric, Param, RunTag, ViewType
from client import pages

NAN, INFINITY = float("nan"), float("inf")

#        name      start  end    status      metrics                                     params                              tags
RUNS = [("alpha", 1000, 2000, "FINISHED", {"acc": 0.9, "loss": 0.1, "a b/c": 1.0}, {"lr": "0.1", "net": "small"}, {"team": "rain", "two words": "x y"}),
        ("beta", 2000, 3000, "FINISHED", {"acc": 0.5, "loss": -1.5}, {"lr": "0.01", "net": "Large"}, {"team": "sun"}),
        ("gamma", 3000, None, "RUNNING", {"acc": NAN}, {"lr": "1e-3"}, {"team": "Rain", "a.b": "dotted"}),
        ("Delta", 4000, 4500, "FAILED", {"acc": INFINITY, "loss": 3.0}, {"net": "it's"}, {"team": "100%_sure"}),
        ("epsilon", 5000, 5500, "KILLED", {"loss": -INFINITY}, {"lr": ""}, {}),
        ("größe", 6000, 7000, "FINISHED", {"acc": 0.0}, {"größe": "ü", "net": "small"}, {"team": "\"quoted\""}),
        ("zeta", 6000, 7000, "SCHEDULED", {"acc": 0.9, "loss": 0.1}, {"lr": "0.1"}, {"team": "rain"}),
        ("deleted", 7000, 8000, "FINISHED", {"acc": 0.95}, {"lr": "0.1"}, {"team": "rain"})]

FILTERS = """
metrics.acc > 0.5
metric.acc >= 0.9
metrics.acc < 0.5
metrics.acc <= 0.5
metrics.acc = 0.9
metrics.acc != 0.9
metrics.acc = 0
metrics.acc > -1
metrics.acc > 1e300
metrics.loss < -1e0
metrics.loss = -1.5
metrics.`a b/c` = 1
metrics."a b/c" >= 1.0
metrics.nothing > 0
metrics.acc > '0.5'
metrics.acc LIKE '0%'
metrics.acc IN (1, 2)
params.lr = '0.1'
params.lr = "0.1"
param.lr != '0.1'
parameter.lr = '0.1'
parameters.lr = '0.1'
params.net LIKE 'small%'
params.net LIKE 'LARGE'
params.net ILIKE 'LARGE'
params.net ILIKE 'l%e'
params.net = 'it''s'
params.net = "it's"
params.`größe` = 'ü'
params."größe" LIKE '_'
params.lr = ''
params.lr > '0'
params.lr = 0.1
params.lr = abc
params.lr IN ('0.1', '0.01')
tags.team = 'rain'
tag.team != 'rain'
tags.team LIKE '%ain'
tags.team ILIKE 'RAIN'
tags.`two words` = 'x y'
tags."two words" LIKE 'x%'
tags.'two words' = 'x y'
tags.a.b = 'dotted'
tags.`a.b` = 'dotted'
tags.team LIKE '100!%%'
tags.team LIKE '%\\%\\_%'
tags.team LIKE '%_sure'
tags.team = '"quoted"'
tags.mlflow.runName = 'alpha'
tags.nothing = 'x'
tags.nothing != 'x'
attributes.status = 'FINISHED'
attribute.status != 'FINISHED'
attr.status = 'RUNNING'
run.status = 'FAILED'
status = 'KILLED'
status LIKE 'F%'
status ILIKE 'f%'
status = 'finished'
status = 'UNKNOWN'
status IN ('FAILED', 'KILLED')
attributes.run_name = 'alpha'
run_name LIKE '%eta'
run_name ILIKE 'DELTA'
run_name != 'alpha'
attributes.`run name` = 'alpha'
attributes.`Run name` = 'alpha'
attributes."Run Name" = 'alpha'
`run name` = 'alpha'
start_time > 3000
attributes.start_time <= 3000
attributes.start_time = 6000
attributes.start_time != 6000
attributes.created >= 5000
created < 2000
end_time > 5000
end_time = 2000
start_time = '3000'
start_time > 2999.5
run_id = '{alpha}'
attributes.run_id IN ('{alpha}', '{beta}')
run_id IN ('{alpha}')
run_id NOT IN ('{alpha}', '{beta}')
run_id != '{alpha}'
run_id LIKE '{alpha}%'
run_id IN ()
run_id IN ('{alpha}', )
run_id IN '{alpha}'
run_id IN ("{alpha}")
user_id = 'ann'
attributes.user_id LIKE '%'
artifact_uri LIKE '%/artifacts'
lifecycle_stage = 'active'
attributes.lifecycle_stage = 'active'
experiment_id = '1'
metrics.acc > 0.5 AND params.lr = '0.1'
metrics.acc > 0.5 and tags.team = 'rain' And status = 'FINISHED'
metrics.acc > 0.1 AND metrics.loss < 1 AND metrics.acc < 2
params.lr = '0.1' AND params.net = 'small' AND tags.team = 'rain' AND metrics.loss <= 0.1 AND start_time < 5000
metrics.acc > 0.5 OR params.lr = '0.1'
(metrics.acc > 0.5)
NOT metrics.acc > 0.5
metrics.acc > 0.5 AND
AND metrics.acc > 0.5
metrics.acc
metrics.acc >
metrics.acc > 0.5 metrics.loss > 1
metrics.acc => 0.5
metrics.acc == 0.5
metrics.acc <> 0.9
metrics.acc>0.5
params.lr='0.1'AND metrics.acc>0.5
metrics. acc > 0.5
.acc > 0.5
metrics > 0.5
colour.a = 'x'
colour = 'x'
'metrics.acc' > 0.5
0.5 < metrics.acc
metrics.acc > 0.5;
metrics.acc > 0.5; DROP TABLE runs
metrics.acc > 0.5 -- comment
params.lr = '0.1
params.lr IS NULL
params.lr IS NOT NULL
tags.team RLIKE 'r.*'
  metrics.acc   >   0.5  
dataset.name = 'rows'
dataset.name = 'rows' AND metrics.acc > 0
"""

ORDERS = [None, ["metrics.acc"], ["metrics.acc ASC"], ["metrics.acc DESC"], ["metric.loss asc"], ["metrics.`a b/c` DESC"], ["params.lr"], ["params.lr DESC"], ["params.net ASC"],
          ["tags.team"], ["tag.team DESC"], ["tags.`two words` DESC"], ["attributes.start_time"], ["attributes.start_time DESC"], ["start_time ASC"], ["created DESC"],
          ["end_time"], ["end_time DESC"], ["status"], ["attributes.status DESC"], ["run_name"], ["run_name DESC"], ["attributes.`Run Name`"], ["metrics.loss DESC", "params.lr ASC"],
          ["status ASC", "metrics.acc DESC"], ["params.lr", "params.lr"], ["metrics.nothing"], ["user_id", "run_name"], ["colour"], ["metrics.acc UP"], ["metrics.acc, params.lr"],
          [""], ["metrics"], ["metrics.acc DESC NULLS LAST"], ["`metrics.acc`"], ["attributes.lifecycle_stage"], ["dataset.name"]]


def flow(f):
    client = f.client
    experiment = f.experiment()
    ids = {}
    for name, start, end, status, metrics, params, tags in RUNS:
        run = client.create_run(experiment, start_time=start, run_name=name, tags={"mlflow.user": "ann"})
        ids[name] = run.info.run_id
        client.log_batch(run.info.run_id, [Metric(k, v, 1, 0) for k, v in metrics.items()], [Param(k, v) for k, v in params.items()], [RunTag(k, v) for k, v in tags.items()])
        if status != "RUNNING":
            client.set_terminated(run.info.run_id, status, end)
    # Of a step before the first: what is searched is the latest.
    client.log_metric(ids["alpha"], "acc", 0.1, timestamp=1, step=-1)
    dataset = mlflow.data.from_numpy(numpy.zeros(1), name="rows")
    with mlflow.start_run(run_id=ids["beta"]):
        mlflow.log_input(dataset)
    client.set_terminated(ids["beta"], "FINISHED", 3000)
    client.delete_run(ids["deleted"])
    names = lambda runs: [run.info.run_name for run in runs]
    write = lambda text: text.replace("{alpha}", ids["alpha"]).replace("{beta}", ids["beta"])
    # Two runs begin at the same time: their order is by chance, so results of filters are sorted.
    for text in FILTERS.strip("\n").split("\n"):
        f.see(f"filter {text}", lambda: sorted(names(client.search_runs([experiment], write(text)))))
    f.see("filter of spaces", lambda: len(client.search_runs([experiment], "   ")))
    for order in ORDERS:
        terms = order and [*order, "run_name"] if not any("name" in term.lower() for term in order or []) else order
        f.see(f"order {order}", lambda: names(client.search_runs([experiment], "run_name != 'zeta'" if order is None else "", order_by=terms)))
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        f.see(f"view {view}", lambda: sorted(names(client.search_runs([experiment], run_view_type=view))))
    f.see("pages", lambda: [names(page) for page in pages(lambda **a: client.search_runs([experiment], max_results=3, order_by=["run_name"], **a)) if page])
    f.see("no such page", lambda: client.search_runs([experiment], page_token="nonsense"))
    f.see("none a page", lambda: len(client.search_runs([experiment], max_results=0)))
    f.see("too many a page", lambda: client.search_runs([experiment], max_results=50_001))
    f.see("no experiments", lambda: len(client.search_runs([])))
    f.see("unknown experiment", lambda: len(client.search_runs(["987654321"])))
    f.see("known and unknown", lambda: len(client.search_runs([experiment, "987654321"])))
    f.see("what is found", lambda: client.search_runs([experiment], "run_name = 'alpha'")[0])
    f.see("as a table", lambda: sorted(str(c) for c in mlflow.search_runs([experiment]).columns))
    f.see("table by names", lambda: sorted(mlflow.search_runs(experiment_names=[f.name("experiment")], filter_string="metrics.acc > 0.5")["tags.mlflow.runName"]))
    f.see("most runs", lambda: len(mlflow.search_runs([experiment], max_results=2)))
