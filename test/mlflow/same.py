"""Compares what a client sees of an imported experiment at two servers; fails with what differs."""
import math
import sys

import mlflow
from mlflow import MlflowClient

theirs, ours, prefix = MlflowClient(sys.argv[1]), MlflowClient(sys.argv[2]), sys.argv[3]
name = 'vision/größe'


def number(value):
    return 'nan' if math.isnan(value) else value


def run_facts(client, run):
    info = run.info
    history = {
        key: [(p.step, p.timestamp, number(p.value)) for p in client.get_metric_history(info.run_id, key)]
        for key in run.data.metrics
        if not key.startswith('many')
    }
    return {
        'info': (info.status, info.start_time, info.end_time, info.lifecycle_stage, info.run_name, info.user_id),
        'metrics': {key: number(value) for key, value in run.data.metrics.items()},
        'params': run.data.params,
        'tags': run.data.tags,
        'history': history,
        'inputs': [(i.dataset.to_dictionary(), [(t.key, t.value) for t in i.tags]) for i in run.inputs.dataset_inputs],
        'outputs': [(o.model_id, o.step) for o in run.outputs.model_outputs] if run.outputs else [],
    }


def experiment_facts(client, name):
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], run_view_type=3)
    return {
        'tags': experiment.tags,
        'created': experiment.creation_time,
        'runs': {run.info.run_id: run_facts(client, run) for run in runs},
    }


def version_facts(client, name):
    return sorted(
        (v.version, v.run_id, v.current_stage, v.description or '', v.creation_timestamp, v.last_updated_timestamp, str(v.tags))
        for v in client.search_model_versions(f"name='{name}'")
    )


assert experiment_facts(theirs, name) == experiment_facts(ours, prefix + name)
assert version_facts(theirs, 'Umbrella') == version_facts(ours, prefix + 'Umbrella')
assert str(ours.get_model_version_by_alias(prefix + 'Umbrella', 'champion').version) == '3'
mlflow.set_tracking_uri(sys.argv[2])
for uri in (f'models:/{prefix}Umbrella@champion', f'models:/{prefix}Umbrella/1'):
    assert mlflow.sklearn.load_model(uri).predict([[1.0, 2.0]]).shape == (1,)
assert mlflow.genai.load_prompt(f'prompts:/{prefix}greet/1').template == 'Hello {{name}}'


def webhooks(client):
    return {hook.webhook_id: (hook.name, hook.url, hook.description, [str(e) for e in hook.events], hook.creation_timestamp) for hook in client.list_webhooks()}


assert len(webhooks(theirs)) == 2
assert webhooks(theirs) == webhooks(ours)
import same_traces  # noqa: E402, F401
