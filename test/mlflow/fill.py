"""Logs one of everything at a tracking server or into a file store: python fill.py <tracking uri>"""
import math
import os
import sys
import tempfile

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric
from sklearn.linear_model import LogisticRegression

uri = sys.argv[1]
mlflow.set_tracking_uri(uri)
client = MlflowClient(uri)
is_three = int(mlflow.__version__.split('.')[0]) >= 3

experiment = client.create_experiment('vision/größe', tags={'team': 'a b', 'empty': ''})
gone = client.create_experiment('gone')
mlflow.set_experiment(experiment_id=experiment)

with mlflow.start_run(run_name='parent', description='note') as parent:
    run = parent.info.run_id
    mlflow.log_params({'lr': 0.1, 'nested/key': 'x' * 300, 'multi': 'a\nb', 'empty': ''})
    mlflow.set_tag('k', 'it\'s "q" 💡')
    mlflow.set_tag('multi', 'a\nb\n')
    for start in (0, 900):
        steps = range(start, min(start + 900, 1500))
        client.log_batch(run, metrics=[Metric('loss', 1 / (i + 1), 1700000000000 + i, i) for i in steps])
    odd = [
        Metric('val/acc', 0.1 + 0.2, 1700000000000, -5),
        Metric('nan', math.nan, 5, 0),
        Metric('inf', math.inf, 5, 0),
        Metric('ninf', -math.inf, 5, 1),
        Metric('tiny', 5e-324, 5, 1),
        Metric('int', 1e15, 7, 2**40),
    ]
    client.log_batch(run, metrics=odd)
    client.log_batch(run, metrics=[Metric(f'many.{i:03d}', float(i), 1700000000000, 0) for i in range(300)])
    mlflow.log_text('hello', 'a/b c/ü.txt')
    mlflow.log_text('', 'empty.txt')
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'big.bin')
        with open(path, 'wb') as file:
            file.write(os.urandom(5_000_000))
        mlflow.log_artifact(path, 'bin')
    dataset = mlflow.data.from_numpy(np.arange(6).reshape(3, 2), source='http://x/y', name='train')
    mlflow.log_input(dataset, context='training')
    with mlflow.start_run(run_name='child', nested=True):
        mlflow.log_metric('m', 1)

with mlflow.start_run(run_name='failed') as failed:
    mlflow.log_param('p', 1)
client.set_terminated(failed.info.run_id, 'FAILED')

dead = client.create_run(experiment, run_name='dead').info.run_id
client.log_param(dead, 'x', '1')
client.log_text(dead, 'still here', 't.txt')
client.delete_run(dead)
client.create_run(gone)
client.delete_experiment(gone)

x = np.arange(20).reshape(10, 2).astype(float)
model = LogisticRegression().fit(x, np.array([0, 1] * 5))
place = {'name': 'model'} if is_three else {'artifact_path': 'model'}
with mlflow.start_run(run_name='model'):
    logged = mlflow.sklearn.log_model(model, input_example=x[:2], registered_model_name='Umbrella', **place)
    if is_three:
        mlflow.log_metric('acc', 0.5, model_id=logged.model_id)
with mlflow.start_run(run_name='model2'):
    logged = mlflow.sklearn.log_model(model, **place)
for _ in range(2):
    mlflow.register_model(logged.model_uri, 'Umbrella')
client.delete_model_version('Umbrella', '2')
client.update_registered_model('Umbrella', 'a model')
client.set_registered_model_tag('Umbrella', 't', 'v')
client.set_registered_model_alias('Umbrella', 'champion', '3')
client.set_model_version_tag('Umbrella', '3', 'vt', 'vv')
client.update_model_version('Umbrella', '1', 'first')
client.transition_model_version_stage('Umbrella', '1', 'Production')
client.create_registered_model('lonely', description='no versions')
if is_three:
    mlflow.genai.register_prompt(name='greet', template='Hello {{name}}')
    import fill_traces  # noqa: F401

    # An address by number: names are looked up by both.
    client.create_webhook(name='models', url='https://93.184.216.34/hook', events=['registered_model.created'], description='d', secret='s')
    client.create_webhook(name='off', url='https://93.184.216.34/off', events=['prompt.created'], status='DISABLED')

    def users(method, path, **body):
        host = mlflow.utils.rest_utils.http_request(client._tracking_client.store.get_host_creds(), path, method, json=body)
        assert host.ok, host.text

    users('POST', '/api/2.0/mlflow/users/create', username='Ann@x.org', password='only of this test 1')
    users('PATCH', '/api/2.0/mlflow/users/update-admin', username='Ann@x.org', is_admin=True)
    users('POST', '/api/2.0/mlflow/users/create', username='bob', password='only of this test 1')
    for kind, thing, level in (('experiment', experiment, 'EDIT'), ('experiment', gone, 'DENY'), ('registered_model', 'Umbrella', 'READ')):
        grant = {'resource_type': kind, 'resource_id': thing, 'permission': level}
        users('POST', '/api/3.0/mlflow/users/permissions/grant', username='bob', **grant)
