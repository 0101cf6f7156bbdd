"""Compares what a client sees of imported traces and evaluation datasets at two places: python same_traces.py <theirs> <ours> <prefix>"""
import json
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.genai.datasets import search_datasets

theirs, ours, prefix = sys.argv[1], sys.argv[2], sys.argv[3]
name = 'traced/größe'
#: Where a ledger keeps what is of a trace, and what it adds up from spans.
own_tags = {'mlflow.artifactLocation', 'mlflow.trace.spansLocation'}
own_metadata = {'mlflow.trace.cost', 'mlflow.trace.tokenUsage'}


def facts(trace, runs):
    info = trace.info.to_dict()
    return {
        **{key: value for key, value in info.items() if key not in ('trace_location', 'tags', 'trace_metadata', 'assessments')},
        'tags': {key: value for key, value in info['tags'].items() if key not in own_tags},
        'metadata': {key: value for key, value in info['trace_metadata'].items() if key not in own_metadata},
        'assessments': sorted(json.dumps(each, sort_keys=True) for each in info.get('assessments', [])),
        'spans': [json.dumps(span.to_dict(), sort_keys=True) for span in trace.data.spans],
        'runs': runs,
    }


def traces(uri, name):
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name).experiment_id
    runs = {}
    for run in client.search_runs([experiment]):
        for trace in client.search_traces(locations=[experiment], run_id=run.info.run_id, include_spans=False):
            runs.setdefault(trace.info.trace_id, []).append(run.info.run_id)
    found = client.search_traces(locations=[experiment])
    assert all(trace.data.spans for trace in found)
    return {trace.info.trace_id: facts(trace, sorted(runs.get(trace.info.trace_id, []))) for trace in found}


one, other = traces(theirs, name), traces(ours, prefix + name)
assert len(one) == 5
for trace_id, trace in one.items():
    for key, value in trace.items():
        assert other[trace_id][key] == value, (trace_id, key, value, other[trace_id][key])


def datasets(uri):
    mlflow.set_tracking_uri(uri)
    return {dataset.dataset_id: dataset_facts(dataset) for dataset in search_datasets()}


def dataset_facts(dataset):
    facts = dataset.to_dict()
    experiments = facts.pop('experiment_ids')
    texts = {key: json.loads(facts.pop(key) or 'null') for key in ('schema', 'profile')}
    return {**facts, **texts, 'experiments': len(experiments)}


one, other = datasets(theirs), datasets(ours)
assert len(one) == 2
for dataset_id, dataset in one.items():
    assert other[dataset_id] == dataset, (dataset, other[dataset_id])
